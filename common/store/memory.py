"""The store in memory, the twin of the Redis one: for tests and the simulation. Time enters as an argument."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from common.cluster import ClusterKey, MirrorRecord
from common.codec import decode, encode
from common.errors import LeaseLost, NotRebuilt
from common.jobs import Job, JobError, JobKind, JobStatus
from common.store.memory_events import EventLog
from common.store.memory_jobs import KeptJobs, is_late
from common.store.port import Claim, ClusterRecord, Event, Lease, Outcome, Refusal, Submission, Submitted
from common.store.rules import (
    EVENTS_BLOCK,
    HORIZON,
    LATE_PER_CLAIM,
    RETRY_TAKEN,
    WORKER_SEEN,
    deadline_error,
    event_number,
    is_conflict,
    milliseconds,
    mirror_conflict,
    superseded_error,
)


@dataclass(slots=True)
class _Kept:
    """A cluster's record as encoded text, and what stands beside it. Times are milliseconds."""

    text: str
    fence: int = 0
    lease_until: int | None = None
    released: int = 0
    wake: int = 0
    gone_until: int | None = None

    @property
    def record(self) -> ClusterRecord:
        return decode(ClusterRecord, self.text)

    @record.setter
    def record(self, record: ClusterRecord) -> None:
        self.text = encode(record)

    def is_leased(self, now: int) -> bool:
        return self.lease_until is not None and now < self.lease_until <= now + milliseconds(HORIZON)


class MemoryStore:
    """See the protocol. `clock` gives Unix seconds and stands for Redis's own; `keep_jobs` is in seconds.

    Records are kept as encoded text, so that what does not survive encoding shows here as well.
    """

    def __init__(self, clock: Callable[[], float], *, keep_jobs: float = 7 * 24 * 3600.0) -> None:
        self._clock = clock
        self._changed = threading.Condition(threading.RLock())
        self._counter = 0
        self._is_rebuilt = False
        self._owners: dict[str, str] = {}
        self._clusters: dict[ClusterKey, _Kept] = {}
        self._due: dict[ClusterKey, int] = {}
        self._jobs = KeptJobs(keep=milliseconds(keep_jobs))
        self._workers: dict[str, int] = {}
        self._events = EventLog()

    # what the api does

    def submit(self, submission: Submission) -> Submitted:
        with self._changed:
            now = self._now()
            if not self._is_rebuilt:
                return Submitted(None, Refusal.NOT_REBUILT)
            known = self._job(submission.job_id, now)
            if known is not None:
                return Submitted(known)
            refused = self._refusal(submission, now)
            if refused is not None:
                return refused
            return Submitted(self._accept(submission, now))

    def owner_hash(self, user: str) -> str | None:
        with self._changed:
            if not self._is_rebuilt:
                raise NotRebuilt
            return self._owners.get(user)

    def cluster(self, key: ClusterKey) -> ClusterRecord | None:
        with self._changed:
            kept = self._clusters.get(key)
            return None if kept is None or kept.gone_until is not None else self._shown(kept)

    def clusters(self, user: str) -> tuple[ClusterRecord, ...]:
        with self._changed:
            mine = (self.cluster(key) for key in sorted(self._clusters) if key.user == user)
            return tuple(record for record in mine if record is not None)

    def job(self, job_id: str) -> Job | None:
        with self._changed:
            return self._job(job_id, self._now())

    def jobs(self, user: str, *, limit: int = 100) -> tuple[Job, ...]:
        with self._changed:
            now = self._now()
            mine = (self._job(job_id, now) for job_id in self._jobs.newest_first(user, now)[:limit])
            return tuple(job for job in mine if job is not None)

    def wake(self, key: ClusterKey, due_in: float = 0.0) -> None:
        with self._changed:
            kept = self._clusters.get(key)
            if kept is None:
                return
            if milliseconds(due_in) <= 0:
                kept.wake += 1
            self._due_by(key, self._now() + milliseconds(min(max(due_in, 0.0), HORIZON)))

    def events(self, after: str, *, block: float) -> tuple[Event, ...]:
        mark = event_number(after)
        with self._changed:
            timeout = min(max(block, 0.0), EVENTS_BLOCK)
            self._changed.wait_for(lambda: self._events.has_after(mark), timeout=timeout)
            return self._events.after(mark)

    def newest_event(self) -> str:
        with self._changed:
            return self._events.newest()

    def now(self) -> float:
        with self._changed:
            return self._now() / 1000

    def workers(self) -> int:
        with self._changed:
            oldest = self._now() - milliseconds(WORKER_SEEN)
            return sum(seen >= oldest for seen in self._workers.values())

    # what the worker does

    def claim(self, worker: str, *, limit: int, lease: float) -> Claim:
        with self._changed:
            now = self._now()
            self._workers[worker] = now
            for job_id in self._jobs.late(now)[:LATE_PER_CLAIM]:
                self._job(job_id, now)
            keys = tuple(key for key in self._due_keys(now)[:limit] if not self._forget_if_over(key, now))
            for key in keys:
                self._due[key] = now + milliseconds(lease)
            return Claim(keys, self._next_in(now))

    def acquire(self, key: ClusterKey, owner: str, *, ttl: float) -> Lease | None:
        with self._changed:
            now = self._now()
            kept = self._clusters.get(key)
            if kept is None:
                return None
            if kept.is_leased(now):
                self._due_by(key, now + milliseconds(RETRY_TAKEN))
                return None
            if self._forget_if_over(key, now):
                return None
            job = self._start(kept, now)
            kept.fence = self._next_number(now)
            kept.lease_until = now + milliseconds(ttl)
            self._due[key] = kept.lease_until
            return Lease(key, owner, kept.fence, ttl, now / 1000, kept.wake, self._shown(kept), job)

    def renew(self, lease: Lease) -> None:
        with self._changed:
            self._held(lease).lease_until = self._now() + milliseconds(lease.ttl)

    def check(self, lease: Lease) -> None:
        with self._changed:
            kept = self._held(lease)
            if not kept.is_leased(self._now()):
                raise LeaseLost(f"the lease of {lease.key} has run out")
            if kept.record.version != lease.record.version:
                raise LeaseLost(f"the spec of {lease.key} has changed")

    def save(self, lease: Lease, outcome: Outcome) -> None:
        with self._changed:
            now = self._now()
            kept = self._held(lease)
            job = self._write(kept, lease, outcome, now)
            self._tell(lease.key, job, outcome, now)

    def release(self, lease: Lease, outcome: Outcome) -> None:
        if outcome.ended is not None and not outcome.ended.is_ended:
            raise ValueError(f"a job cannot end as {outcome.ended}")
        with self._changed:
            now = self._now()
            known = self._clusters.get(lease.key)
            if known is not None and known.released == lease.fence:
                return
            kept = self._held(lease)
            is_moved = kept.record.version != lease.record.version
            job = self._write(kept, lease, outcome, now)
            if outcome.ended is not None and job is not None:
                self._end(kept, job, outcome.ended, outcome.error, now)
            else:
                self._tell(lease.key, job, outcome, now)
            if outcome.gone and not is_moved and kept.gone_until is None:
                kept.gone_until = now + milliseconds(outcome.gone_for)
                kept.record = replace(kept.record, gone=True)
            kept.lease_until, kept.released = None, lease.fence
            is_urgent = is_moved or kept.wake != lease.wake_seen
            self._due[lease.key] = now + (0 if is_urgent else milliseconds(min(max(outcome.due_in, 0.0), HORIZON)))

    def is_rebuilt(self) -> bool:
        with self._changed:
            return self._is_rebuilt

    def rebuild(self, records: Iterable[MirrorRecord]) -> None:
        mirrored = sorted(records, key=lambda record: (record.version, record.spec.key))
        with self._changed:
            now = self._now()
            for mirror in mirrored:
                kept = self._clusters.get(mirror.spec.key)
                if kept is not None and is_conflict(self._shown(kept), mirror):
                    raise mirror_conflict(mirror)
            for mirror in mirrored:
                self._take_in(mirror, now)
                self._due[mirror.spec.key] = now
            self._is_rebuilt = True

    # how

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _next_number(self, now: int) -> int:
        self._counter = max(self._counter + 1, now)
        return self._counter

    def _shown(self, kept: _Kept) -> ClusterRecord:
        """The record with the owner's hash, which is kept once per user."""
        record = kept.record
        return replace(record, owner_hash=self._owners[record.spec.user])

    def _due_by(self, key: ClusterKey, at: int) -> None:
        self._due[key] = min(at, self._due.get(key, at))

    def _due_keys(self, now: int) -> list[ClusterKey]:
        """What is due, longest first; then what is further away than the horizon."""
        ordered = sorted(self._due.items(), key=lambda item: (item[1], str(item[0])))
        past = [key for key, at in ordered if at <= now]
        return past + [key for key, at in ordered if at > now + milliseconds(HORIZON)]

    def _next_in(self, now: int) -> float | None:
        if not self._due:
            return None
        if self._due_keys(now):
            return 0.0
        return (min(self._due.values()) - now) / 1000

    def _forget_if_over(self, key: ClusterKey, now: int) -> bool:
        """Whether the cluster was gone long enough, and is now forgotten for good."""
        kept = self._clusters[key]
        if kept.gone_until is None or kept.gone_until > now or kept.is_leased(now):
            return False
        del self._clusters[key], self._due[key]
        return True

    # submissions

    def _refusal(self, submission: Submission, now: int) -> Submitted | None:
        kept = self._clusters.get(submission.spec.key)
        if kept is not None and kept.gone_until is not None:
            kept = None
        if submission.kind is JobKind.CREATE:
            return self._refuse_create(submission, kept)
        if kept is None:
            return Submitted(None, Refusal.MISSING)
        return self._refuse_change(submission, kept, now)

    def _refuse_create(self, submission: Submission, kept: _Kept | None) -> Submitted | None:
        if self._owners.get(submission.spec.user, submission.owner_hash) != submission.owner_hash:
            return Submitted(None, Refusal.TAKEN)
        return None if kept is None else Submitted(None, Refusal.EXISTS)

    def _refuse_change(self, submission: Submission, kept: _Kept, now: int) -> Submitted | None:
        running = self._unfinished(kept, now)
        record = kept.record
        is_delete = submission.kind is JobKind.DELETE
        if record.spec.deleted and not is_delete:
            return Submitted(None, Refusal.MISSING)
        if running is not None and not (is_delete and running.kind is not JobKind.DELETE):
            return Submitted(running, Refusal.BUSY)
        return None if record.version == submission.expected_version else Submitted(None, Refusal.STALE)

    def _accept(self, submission: Submission, now: int) -> Job:
        spec = submission.spec
        kept = self._clusters.get(spec.key)
        if kept is not None:
            former = self._unfinished(kept, now)
            if former is not None:
                self._finish(replace(former, status=JobStatus.CANCELED, error=superseded_error(former)), now)
        version = self._next_number(now)
        owner_hash = self._owners.setdefault(spec.user, submission.owner_hash)
        if kept is None or submission.kind is JobKind.CREATE:
            record = ClusterRecord(spec, version, owner_hash, job=submission.job_id)
        else:
            record = replace(kept.record, spec=spec, version=version, job=submission.job_id)
        kept = self._clusters.setdefault(spec.key, _Kept(""))
        kept.record, kept.gone_until = record, None
        kept.wake += 1
        self._due[spec.key] = now
        job = Job(
            id=submission.job_id,
            key=spec.key,
            kind=submission.kind,
            status=JobStatus.QUEUED,
            version=version,
            created_at=now / 1000,
            deadline_at=(now + milliseconds(submission.deadline)) / 1000,
            progress_deadline_at=(now + milliseconds(submission.progress_deadline)) / 1000,
            request_id=submission.request_id,
            restore=submission.restore,
        )
        self._jobs.put(job)
        self._jobs.trim(spec.user, now)
        return job

    # jobs

    def _job(self, job_id: str | None, now: int) -> Job | None:
        """The job as it is now: one that is late is ended first."""
        job = None if job_id is None else self._jobs.get(job_id, now)
        return self._end_late(job, now) if job is not None and is_late(job, now) else job

    def _unfinished(self, kept: _Kept, now: int) -> Job | None:
        job = self._job(kept.record.job, now)
        return None if job is None or job.status.is_ended else job

    def _end_late(self, job: Job, now: int) -> Job:
        ended = replace(job, status=JobStatus.FAILED, ended_at=now / 1000)
        ended = replace(ended, error=deadline_error(ended))
        self._finish(ended, now)
        kept = self._clusters.get(job.key)
        if kept is not None:
            self._restore(kept, ended, now)
        return ended

    def _end(self, kept: _Kept, job: Job, status: JobStatus, error: JobError | None, now: int) -> None:
        result = kept.record.view if status is JobStatus.SUCCEEDED else None
        self._finish(replace(job, status=status, result=result, error=error), now)
        if status is not JobStatus.SUCCEEDED:
            self._restore(kept, job, now)

    def _finish(self, job: Job, now: int) -> None:
        self._jobs.put(replace(job, ended_at=now / 1000))
        kept = self._clusters.get(job.key)
        if kept is not None and kept.record.job == job.id:
            kept.record = replace(kept.record, job=None)
        self._post(job.key, job.id, now, ended=True)

    def _restore(self, kept: _Kept, job: Job, now: int) -> None:
        """Bring the former spec back, if no other came since (hazards H23)."""
        if job.restore is None or kept.record.version != job.version:
            return
        kept.record = replace(kept.record, spec=job.restore, version=self._next_number(now))
        kept.wake += 1
        self._due[job.key] = now

    def _start(self, kept: _Kept, now: int) -> Job | None:
        job = self._unfinished(kept, now)
        if job is None or job.status is not JobStatus.QUEUED:
            return job
        started = replace(job, status=JobStatus.RUNNING, started_at=now / 1000)
        self._jobs.put(started)
        self._post(job.key, job.id, now)
        return started

    # what a step leaves behind

    def _held(self, lease: Lease) -> _Kept:
        kept = self._clusters.get(lease.key)
        if kept is None or kept.fence != lease.fence or kept.lease_until is None:
            raise LeaseLost(f"the lease of {lease.key} is another's")
        return kept

    def _write(self, kept: _Kept, lease: Lease, outcome: Outcome, now: int) -> Job | None:
        """Write all but the end; the job that the lease was for, if it and its spec still stand."""
        record = kept.record
        if record.spec.incarnation != lease.record.spec.incarnation:
            return None
        is_moved = record.version != lease.record.version
        kept.record = replace(
            record,
            memory=record.memory if outcome.memory is None else outcome.memory,
            view=record.view if outcome.view is None else outcome.view,
            durable=record.durable if outcome.durable is None or is_moved else outcome.durable,
        )
        if is_moved or lease.job is None or record.job != lease.job.id:
            return None
        job = self._jobs.get(lease.job.id, now)
        if job is None:
            return None
        until = (now + milliseconds(outcome.progress_window)) / 1000
        job = replace(
            job,
            step=job.step if outcome.step is None else outcome.step,
            progress=job.progress if outcome.progress is None else outcome.progress,
            reasons=job.reasons if outcome.reasons is None else outcome.reasons,
            progress_deadline_at=until if outcome.progressed else job.progress_deadline_at,
        )
        self._jobs.put(job)
        return job

    def _tell(self, key: ClusterKey, job: Job | None, outcome: Outcome, now: int) -> None:
        news = (outcome.step, outcome.progress, outcome.reasons)
        if outcome.view is not None or (job is not None and any(part is not None for part in news)):
            self._post(key, None if job is None else job.id, now)

    def _post(self, key: ClusterKey, job: str | None, now: int, *, ended: bool = False) -> None:
        self._events.post(key, job, now, ended=ended)
        self._changed.notify_all()

    # a lost Redis

    def _take_in(self, mirror: MirrorRecord, now: int) -> None:
        self._counter = max(self._counter, mirror.version, mirror.fence)
        key = mirror.spec.key
        kept = self._clusters.get(key)
        if kept is None or kept.record.version < mirror.version:
            former = None if kept is None else self._unfinished(kept, now)
            if former is not None:
                self._finish(replace(former, status=JobStatus.CANCELED, error=superseded_error(former)), now)
            self._owners[key.user] = mirror.owner_hash
            wake = 1 if kept is None else kept.wake + 1
            self._clusters[key] = _Kept("", fence=mirror.fence, wake=wake)
            self._clusters[key].record = ClusterRecord(
                mirror.spec, mirror.version, mirror.owner_hash, durable=mirror.durable
            )
        elif kept.record.version == mirror.version and kept.fence < mirror.fence:
            kept.record = replace(kept.record, durable=mirror.durable)
            kept.fence, kept.lease_until = mirror.fence, None
