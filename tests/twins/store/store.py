"""The store in memory, the twin of the Redis one: for tests and the simulation. Time enters as an argument."""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

from common.cluster import ClusterKey, MirrorRecord
from common.codec import require_known
from common.errors import LeaseLost, NewerVersion, NotRebuilt
from common.jobs import Job, JobStatus
from common.store.admission import Admission, Full, Knock, User, Window
from common.store.fields import build_log
from common.store.port import (
    Claim,
    ClusterRecord,
    Event,
    JobLog,
    JobMark,
    Lease,
    Listing,
    Outcome,
    PastStep,
    Remembered,
    Submission,
    Submitted,
)
from common.store.rules import (
    EVENTS_BLOCK,
    HORIZON,
    LATE_PER_CLAIM,
    RETRY_NEWER,
    RETRY_TAKEN,
    WORKER_SEEN,
    event_number,
    is_conflict,
    milliseconds,
    newer_cluster,
    newer_clusters,
)
from common.store.survey import Survey
from tests.twins.store import users
from tests.twins.store.admission import admit, hit
from tests.twins.store.cancel import cancel
from tests.twins.store.outcome import tell, write_outcome
from tests.twins.store.state import KeptCluster, State
from tests.twins.store.submit import submit
from tests.twins.store.survey import build_survey


class MemoryStore:
    """See the protocol. `clock` gives Unix seconds and stands for Redis's own; `keep_jobs` is in seconds.

    Records are kept as encoded text, so that what does not survive encoding shows here as well. Time does not pass
    while a method runs, but for `events`, which waits by the real clock for other threads.
    """

    def __init__(self, clock: Callable[[], float], *, keep_jobs: float = 7 * 24 * 3600.0) -> None:
        self._clock = clock
        self._state = State(keep_jobs=milliseconds(keep_jobs))
        self._changed = threading.Condition(threading.RLock())

    @contextmanager
    def _transaction(self) -> Iterator[tuple[State, int]]:
        """What is kept and the time in milliseconds, for one command at a time."""
        with self._changed:
            yield self._state, milliseconds(self._clock())
            self._changed.notify_all()

    # what the api does

    def submit(self, submission: Submission) -> Submitted:
        with self._transaction() as (state, now):
            return submit(state, submission, now)

    def cancel(self, user: str, job_id: str) -> Submitted:
        with self._transaction() as (state, now):
            return cancel(state, user, job_id, now)

    def remembered(self, user: str, once: str) -> Remembered | None:
        with self._transaction() as (state, now):
            return state.remembered(user, once, now)

    def admit(self, knock: Knock) -> Admission:
        with self._transaction() as (state, now):
            return admit(state, knock, now)

    def hit(self, windows: Iterable[Window]) -> Full | None:
        with self._transaction() as (state, now):
            return hit(state, windows, now)

    def owner_hash(self, user: str) -> str | None:
        with self._transaction() as (state, _):
            if not state.is_rebuilt:
                raise NotRebuilt
            return state.login_of(user)

    def cluster(self, key: ClusterKey) -> ClusterRecord | None:
        with self._transaction() as (state, _):
            kept = state.clusters.get(key)
            return None if kept is None or kept.gone_until is not None else state.shown(kept)

    def clusters(self, user: str) -> tuple[ClusterRecord, ...]:
        with self._transaction() as (state, _):
            listing = self._listing(state, user)
        if listing.newer:
            raise newer_clusters(user, listing.newer)
        return listing.records

    def listing(self, user: str) -> Listing:
        with self._transaction() as (state, _):
            return self._listing(state, user)

    def _listing(self, state: State, user: str) -> Listing:
        records, newer = [], []
        for key in sorted(key for key in state.clusters if key.user == user):
            try:
                if (record := self.cluster(key)) is not None:
                    records.append(record)
            except NewerVersion:
                newer.append(key.tag)
        return Listing(tuple(records), tuple(newer))

    def job(self, job_id: str) -> Job | None:
        with self._transaction() as (state, now):
            state.jobs.require_known(job_id)
            return state.job(job_id, now)

    def jobs(
        self,
        user: str,
        *,
        limit: int = 100,
        after: JobMark | None = None,
        tag: str | None = None,
        statuses: Collection[JobStatus] = (),
    ) -> tuple[Job, ...]:
        with self._transaction() as (state, now):
            ids = state.jobs.newest_first(user, now, after=after)
            of_tag = (job_id for job_id in ids if tag is None or state.jobs.tag_of(job_id) == tag)
            mine = (state.job(job_id, now) for job_id in of_tag)
            wanted = (job for job in mine if job is not None and (not statuses or job.status in statuses))
            found = tuple(islice(wanted, max(limit, 0)))
            for job in found:
                state.jobs.require_known(job.id)
            return found

    def changes(self, job_id: str, *, after: int) -> JobLog | None:
        with self._transaction() as (state, now):
            state.jobs.require_known(job_id)
            job = state.job(job_id, now)
            if job is None:
                return None
            changes = (change for change in state.jobs.changes(job, now) if change.revision > after)
            return build_log(job, changes, after=after)

    def wake(self, key: ClusterKey, due_in: float = 0.0, *, count_within: float = 0.0) -> None:
        with self._transaction() as (state, now):
            kept = state.clusters.get(key)
            if kept is None:
                return
            if milliseconds(due_in) <= 0:
                kept.wake += 1
            if milliseconds(count_within) > 0:
                kept.count_until = now + _bounded(count_within)
            state.due_within(key, now + _bounded(due_in))

    def events(self, after: str, *, block: float) -> tuple[Event, ...]:
        mark = event_number(after)
        with self._changed:
            events = self._state.events
            self._changed.wait_for(lambda: events.has_after(mark), timeout=min(max(block, 0.0), EVENTS_BLOCK))
            return events.after(mark)

    def newest_event(self) -> str:
        with self._transaction() as (state, _):
            return state.events.newest()

    def now(self) -> float:
        with self._transaction() as (_, now):
            return now / 1000

    def workers(self) -> int:
        with self._transaction() as (state, now):
            return sum(seen >= now - milliseconds(WORKER_SEEN) for seen in state.workers.values())

    def survey(self) -> Survey:
        workers = self.workers()
        with self._transaction() as (state, now):
            return build_survey(state, workers, now)

    # what the worker does

    def claim(self, worker: str, *, limit: int, lease: float) -> Claim:
        with self._transaction() as (state, now):
            state.workers[worker] = now
            for job_id in state.jobs.late(now)[:LATE_PER_CLAIM]:
                state.job(job_id, now)
            keys = tuple(key for key in state.due_keys(now)[:limit] if not state.forget_if_over(key, now))
            for key in keys:
                state.due[key] = now + milliseconds(lease)
            return Claim(keys, state.next_in(now))

    def acquire(self, key: ClusterKey, owner: str, *, ttl: float) -> Lease | None:
        with self._transaction() as (state, now):
            kept = state.clusters.get(key)
            if kept is None:
                return None
            if kept.is_leased(now):
                state.due_within(key, now + milliseconds(RETRY_TAKEN))
                return None
            if state.forget_if_over(key, now):
                return None
            try:
                kept.kept.require_known()
                require_known(kept.record.memory)
                if (unfinished := state.unfinished(kept, now)) is not None:
                    state.jobs.require_known(unfinished.id)
            except NewerVersion:
                state.due[key] = now + milliseconds(RETRY_NEWER)
                raise newer_cluster(key) from None
            job = _start(state, kept, now)
            kept.fence = state.next_number(now)
            kept.lease_until = now + milliseconds(ttl)
            state.due[key] = kept.lease_until
            is_to_count = kept.count_until > now
            return Lease(key, owner, kept.fence, ttl, now / 1000, kept.wake, state.shown(kept), job, is_to_count)

    def renew(self, lease: Lease) -> None:
        with self._transaction() as (state, now):
            _held(state, lease).lease_until = now + milliseconds(lease.ttl)

    def check(self, lease: Lease) -> None:
        with self._transaction() as (state, now):
            kept = _held(state, lease)
            if not kept.is_leased(now):
                raise LeaseLost(f"the lease of {lease.key} has run out")
            if kept.record.version != lease.record.version:
                raise LeaseLost(f"the spec of {lease.key} has changed")

    def save(self, lease: Lease, outcome: Outcome) -> None:
        with self._transaction() as (state, now):
            kept = _held(state, lease)
            tell(state, lease, write_outcome(state, kept, lease, outcome, now), outcome, now)

    def release(self, lease: Lease, outcome: Outcome) -> None:
        if outcome.ended is not None and not outcome.ended.is_ended:
            raise ValueError(f"a job cannot end as {outcome.ended}")
        with self._transaction() as (state, now):
            known = state.clusters.get(lease.key)
            if known is None or known.released != lease.fence:
                _release(state, _held(state, lease), lease, outcome, now)

    # what an operator does

    def users(self) -> tuple[User, ...]:
        with self._transaction() as (state, _):
            return users.users(state)

    def add_user(self, user: str, owner_hash: str) -> None:
        with self._transaction() as (state, _):
            users.add(state, user, owner_hash)

    def give_token(self, user: str, owner_hash: str, admin_line: str) -> None:
        with self._transaction() as (state, now):
            self.clusters(user)  # each of them has to be read
            users.give_token(state, user, owner_hash, admin_line, now)

    def disable_user(self, user: str, *, disabled: bool) -> None:
        with self._transaction() as (state, now):
            users.disable(state, user, now, disabled=disabled)

    def remove_user(self, user: str) -> None:
        with self._transaction() as (state, _):
            users.remove(state, user)

    def steps(self, key: ClusterKey) -> tuple[PastStep, ...]:
        with self._transaction() as (state, _):
            kept = state.clusters.get(key)
            return () if kept is None else tuple(kept.steps)

    # the first start

    def hold_role(self, name: str, owner: str, *, ttl: float) -> bool:
        with self._transaction() as (state, now):
            holder, ends = state.roles.get(name, ("", 0))
            if now < ends and holder != owner:
                return False
            state.roles[name] = (owner, now + _bounded(ttl))
            return ttl > 0

    def is_rebuilt(self) -> bool:
        with self._transaction() as (state, _):
            return state.is_rebuilt

    def rebuild(self, records: Iterable[MirrorRecord]) -> tuple[ClusterKey, ...]:
        mirrored = sorted(records, key=lambda record: (record.version, record.spec.key))
        with self._transaction() as (state, now):
            kept = {key: state.shown(cluster) for key, cluster in state.clusters.items()}
            conflicts = {m.spec.key for m in mirrored if m.spec.key in kept and is_conflict(kept[m.spec.key], m)}
            for mirror in mirrored:
                if mirror.spec.key not in conflicts:
                    _take_in(state, mirror, now)
                    state.due[mirror.spec.key] = now
            state.is_rebuilt = True
        return tuple(sorted(conflicts))


def _bounded(due_in: float) -> int:
    """Milliseconds, not beyond the horizon at which it would count as due."""
    return milliseconds(min(max(due_in, 0.0), HORIZON))


def _held(state: State, lease: Lease) -> KeptCluster:
    kept = state.clusters.get(lease.key)
    if kept is None or kept.fence != lease.fence or kept.lease_until is None:
        raise LeaseLost(f"the lease of {lease.key} is another's")
    return kept


def _start(state: State, kept: KeptCluster, now: int) -> Job | None:
    job = state.unfinished(kept, now)
    if job is None or job.status is not JobStatus.QUEUED:
        return job
    started = replace(job, status=JobStatus.RUNNING, started_at=now / 1000)
    started = state.note(started, now)
    state.events.post(job.key, job.id, now)
    return started


def _release(state: State, kept: KeptCluster, lease: Lease, outcome: Outcome, now: int) -> None:
    is_moved = kept.record.version != lease.record.version
    job = write_outcome(state, kept, lease, outcome, now)
    if outcome.ended is not None and job is not None:
        state.end(kept, job, outcome.ended, outcome.error, now)
    else:
        tell(state, lease, job, outcome, now)
    if outcome.gone and not is_moved and kept.gone_until is None:
        kept.gone_until = now + milliseconds(outcome.gone_for)
        kept.record = replace(kept.record, gone=True)
    kept.lease_until, kept.released = None, lease.fence
    is_urgent = is_moved or kept.wake != lease.wake_seen
    state.due[lease.key] = now if is_urgent else now + _bounded(outcome.due_in)


def _take_in(state: State, mirror: MirrorRecord, now: int) -> None:
    state.counter = max(state.counter, mirror.version, mirror.fence)
    key = mirror.spec.key
    kept = state.clusters.get(key)
    if kept is None or kept.record.version < mirror.version:
        wake = 1
        if kept is not None:
            state.supersede(kept, now)
            wake = kept.wake + 1
        state.owners[key.user] = mirror.owner_hash
        (state.disabled.add if mirror.is_disabled else state.disabled.discard)(key.user)
        record = ClusterRecord(mirror.spec, mirror.version, mirror.owner_hash, durable=mirror.durable)
        state.clusters[key] = KeptCluster.of(record, fence=mirror.fence, wake=wake)
    elif kept.record.version == mirror.version and kept.fence < mirror.fence:
        kept.record = replace(kept.record, durable=mirror.durable)
        kept.fence, kept.lease_until = mirror.fence, None
