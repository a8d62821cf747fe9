"""The store in Redis 7.0 or newer, and in Valkey: one Lua script a command, so that each is one transaction."""

from collections.abc import Collection, Iterable
from typing import Any

from common import codec
from common.cluster import ClusterKey, MirrorRecord
from common.errors import LeaseLost, NewerVersion, NotRebuilt, TemporaryError
from common.jobs import Job, JobStatus
from common.store.admission import Admission, Full, Knock, User, Window
from common.store.commands import COMMANDS, SERVER_CLOCK, build_script
from common.store.connection import connect, translated
from common.store.fields import (
    bounded,
    build_change,
    build_ended,
    build_job,
    build_log,
    build_past_step,
    build_record,
    build_remembered,
    build_surveyed,
    cluster_key,
    duration,
    key_fields,
    lease_fields,
    mirror_values,
    outcome_fields,
    paired,
    submission_fields,
    token_values,
)
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
    Refusal,
    Remembered,
    Submission,
    Submitted,
)
from common.store.rules import (
    EVENTS_AT_ONCE,
    EVENTS_BLOCK,
    FIRST_EVENT,
    event_number,
    is_conflict,
    milliseconds,
    newer_cluster,
    newer_clusters,
    no_such_user,
    user_exists,
    user_has_clusters,
)
from common.store.survey import Survey, Surveyed

EVENTS_KEY = "kanto:events"

TOKEN_TRIES = 20
"""How often a new token is tried again when something of the user's clusters moved meanwhile."""

SURVEYED_AT_ONCE = 200
SURVEY_PAGES = 100
"""Clusters beyond the last page are not surveyed; they are the last to be due."""


class RedisStore:
    """See the protocol. Making one connects to nothing; its methods may be called from many threads.

    `keep_jobs` is in seconds. `connections` bounds how many commands are under way at once; reads of events have
    connections of their own, so that those who wait starve nobody. `clock` is Lua for the time, which only tests set.
    """

    def __init__(
        self, url: str, *, keep_jobs: float = 7 * 24 * 3600.0, connections: int = 32, clock: str = SERVER_CLOCK
    ) -> None:
        self._client = connect(url, connections=connections)
        self._reader = connect(url, connections=4)
        self._scripts = {
            command: self._client.register_script(build_script(command, keep_jobs=keep_jobs, clock=clock))
            for command in COMMANDS
        }

    def close(self) -> None:
        """Give the connections back. The store can be used again: it connects anew."""
        self._client.connection_pool.disconnect()
        self._reader.connection_pool.disconnect()

    # what the api does

    def submit(self, submission: Submission) -> Submitted:
        refusal, fields, *once = self._run("submit", submission_fields(submission))
        job = _job(fields)
        if once and submission.once is not None:
            return Submitted(None, remembered=build_remembered(submission.once.name, paired(once[0]), job))
        return Submitted(job, Refusal(refusal) if refusal else None)

    def remembered(self, user: str, once: str) -> Remembered | None:
        job, fields = self._run("remembered", [("user", user), ("once", once)])
        return build_remembered(once, paired(fields), _job(job)) if fields else None

    def admit(self, knock: Knock) -> Admission:
        kinds = (knock.callers, knock.users, knock.refusals)
        counts = [str(len(windows)) for windows in kinds]
        windows = [value for windows in kinds for window in windows for value in _window_values(window)]
        rebuilt, owner_hash, *full = self._call("admit", [knock.user, knock.proved or "", *counts, *windows])
        if not rebuilt:
            raise NotRebuilt
        return Admission(owner_hash or None, _full(full))

    def hit(self, windows: Iterable[Window]) -> Full | None:
        return _full(self._call("hit", [value for window in windows for value in _window_values(window)]))

    def cancel(self, user: str, job_id: str) -> Submitted:
        refusal, fields = self._run("cancel", [("user", user), ("job_id", job_id)])
        return Submitted(_job(fields), Refusal(refusal) if refusal else None)

    def owner_hash(self, user: str) -> str | None:
        is_rebuilt, owner_hash = self._run("owner_hash", [("user", user)])
        if not is_rebuilt:
            raise NotRebuilt
        return owner_hash or None

    def cluster(self, key: ClusterKey) -> ClusterRecord | None:
        record = self._read(key)
        return None if record is None or record.gone else record

    def clusters(self, user: str) -> tuple[ClusterRecord, ...]:
        listing = self.listing(user)
        if listing.newer:
            raise newer_clusters(user, listing.newer)
        return listing.records

    def listing(self, user: str) -> Listing:
        owner_hash, disabled, *found = self._run("clusters", [("user", user)])
        records, newer = [], []
        for tag, flat in sorted(found):
            fields = paired(flat)
            try:
                if "gone_until" not in fields:
                    records.append(build_record(fields, owner_hash, is_disabled=bool(disabled)))
            except NewerVersion:
                newer.append(tag)
        return Listing(tuple(records), tuple(newer))

    def job(self, job_id: str) -> Job | None:
        return _job(self._run("job", [("job_id", job_id)]))

    def jobs(
        self,
        user: str,
        *,
        limit: int = 100,
        after: JobMark | None = None,
        tag: str | None = None,
        statuses: Collection[JobStatus] = (),
    ) -> tuple[Job, ...]:
        arguments = [("user", user), ("limit", str(limit))]
        if after is not None:
            arguments += [("after_time", str(milliseconds(after.created_at))), ("after_id", after.job_id)]
        if tag is not None:
            arguments.append(("tag", tag))
        if statuses:
            arguments.append(("statuses", f" {' '.join(sorted(statuses))} "))
        return tuple(build_job(paired(fields)) for fields in self._run("jobs", arguments))

    def changes(self, job_id: str, *, after: int) -> JobLog | None:
        fields, entries = self._run("changes", [("job_id", job_id), ("after", str(after))])
        job = _job(fields)
        if job is None:
            return None
        return build_log(job, (build_change(entry, paired(values)) for entry, values in entries), after=after)

    def wake(self, key: ClusterKey, due_in: float = 0.0, *, count_within: float = 0.0) -> None:
        self._run("wake", [*key_fields(key), ("due_in", bounded(due_in)), ("count_within", bounded(count_within))])

    def events(self, after: str, *, block: float) -> tuple[Event, ...]:
        event_number(after)
        # BLOCK 0 would wait for ever, so what is under a millisecond does not block at all.
        wait = int(min(block, EVENTS_BLOCK) * 1000)
        with translated("events"):
            answer: Any = self._reader.xread(
                {EVENTS_KEY: after}, count=EVENTS_AT_ONCE, block=wait if wait > 0 else None
            )
        return tuple(_event(entry, fields) for _, entries in answer for entry, fields in entries)

    def newest_event(self) -> str:
        with translated("newest_event"):
            newest: Any = self._client.xrevrange(EVENTS_KEY, count=1)
        return str(newest[0][0]) if newest else FIRST_EVENT

    def now(self) -> float:
        return int(self._run("now")) / 1000

    def workers(self) -> int:
        return int(self._run("workers"))

    def survey(self) -> Survey:
        clusters: dict[ClusterKey, Surveyed] = {}
        numbers: list[str] = []
        ended: list[str] = []
        for page in range(SURVEY_PAGES):
            arguments = [("from", str(page * SURVEYED_AT_ONCE)), ("count", str(SURVEYED_AT_ONCE))]
            numbers, ended, *found = self._run("survey", arguments)
            clusters |= {one.key: one for one in map(build_surveyed, found)}
            if not numbers[3]:
                break
        workers, unfinished, overdue = map(int, numbers[:3])
        memory = self._memory()
        return Survey(tuple(clusters.values()), workers, unfinished, overdue, build_ended(paired(ended)), memory)

    def _memory(self) -> tuple[int | None, int | None]:
        with translated("survey"):
            told: Any = self._client.info("memory")
        return told.get("used_memory"), told.get("maxmemory") or None

    # what the worker does

    def claim(self, worker: str, *, limit: int, lease: float) -> Claim:
        arguments = [("worker", worker), ("limit", str(limit)), ("lease", duration(lease))]
        next_in, *ids = self._run("claim", arguments)
        return Claim(tuple(map(cluster_key, ids)), int(next_in) / 1000 if next_in else None)

    def acquire(self, key: ClusterKey, owner: str, *, ttl: float) -> Lease | None:
        answer = self._run(
            "acquire", [*key_fields(key), ("owner", owner), ("ttl", duration(ttl)), ("schema", str(codec.SCHEMA))]
        )
        if not answer:
            return None
        if answer == ["newer"]:
            raise newer_cluster(key)
        fence, now, wake, owner_hash, disabled, cluster, job = answer
        fields = paired(cluster)
        is_to_count = int(fields.get("count_until", "0")) > int(now)
        record = build_record(fields, owner_hash, is_disabled=bool(disabled))
        return Lease(key, owner, int(fence), ttl, int(now) / 1000, int(wake), record, _job(job), is_to_count)

    def renew(self, lease: Lease) -> None:
        self._run_leased("renew", lease)

    def check(self, lease: Lease) -> None:
        self._run_leased("check", lease)

    def save(self, lease: Lease, outcome: Outcome) -> None:
        self._run_leased("save", lease, outcome_fields(outcome))

    def release(self, lease: Lease, outcome: Outcome) -> None:
        if outcome.ended is not None and not outcome.ended.is_ended:
            raise ValueError(f"a job cannot end as {outcome.ended}")
        self._run_leased("release", lease, outcome_fields(outcome))

    # what an operator does

    def users(self) -> tuple[User, ...]:
        found = self._run("users")
        parts = zip(found[::3], found[1::3], found[2::3], strict=True)
        return tuple(User(name, disabled == "1", int(clusters)) for name, disabled, clusters in parts)

    def add_user(self, user: str, owner_hash: str) -> None:
        if self._run_for(user, "add_user", ("owner_hash", owner_hash)) == "exists":
            raise user_exists(user)

    def give_token(self, user: str, owner_hash: str, admin_line: str) -> None:
        for _ in range(TOKEN_TRIES):
            arguments = [user, owner_hash]
            for record in self.clusters(user):
                job = self.job(record.job) if record.job is not None else None
                is_under_way = job is not None and not job.status.is_ended
                arguments += token_values(record, job if is_under_way else None, admin_line)
            how = str(self._call("give_token", arguments))
            _raise_for(how, user)
            if how == "ok":
                return
        raise TemporaryError("contended", f"clusters of {user} changed each time they were read", action="Try again")

    def disable_user(self, user: str, *, disabled: bool) -> None:
        self._run_for(user, "disable_user", ("disabled", "1" if disabled else "0"))

    def remove_user(self, user: str) -> None:
        how, *tags = self._run("remove_user", [("user", user)])
        _raise_for(how, user)
        if tags:
            raise user_has_clusters(user, tags)

    def steps(self, key: ClusterKey) -> tuple[PastStep, ...]:
        return tuple(build_past_step(paired(fields)) for _, fields in self._run("steps", key_fields(key)))

    # the first start

    def hold_role(self, name: str, owner: str, *, ttl: float) -> bool:
        return bool(self._run("hold_role", [("name", name), ("owner", owner), ("ttl", bounded(ttl))]))

    def is_rebuilt(self) -> bool:
        return bool(self._run("is_rebuilt"))

    def rebuild(self, records: Iterable[MirrorRecord]) -> tuple[ClusterKey, ...]:
        values, conflicts = list[str](), list[ClusterKey]()
        for mirror in sorted(records, key=lambda record: (record.version, record.spec.key)):
            stored = self._read(mirror.spec.key)
            if stored is not None and is_conflict(stored, mirror):
                conflicts.append(mirror.spec.key)
            else:
                values += mirror_values(mirror)
        self._call("rebuild", values)
        return tuple(sorted(conflicts))

    # how

    def _read(self, key: ClusterKey) -> ClusterRecord | None:
        owner_hash, disabled, *found = self._run("clusters", [("user", key.user), ("tag", key.tag)])
        return build_record(paired(found[0][1]), owner_hash, is_disabled=bool(disabled)) if found else None

    def _run_for(self, user: str, command: str, argument: tuple[str, str]) -> str:
        how = str(self._run(command, [("user", user), argument]))
        _raise_for(how, user)
        return how

    def _run_leased(self, command: str, lease: Lease, arguments: Iterable[tuple[str, str]] = ()) -> None:
        match self._run(command, [*lease_fields(lease), *arguments]):
            case "lost":
                raise LeaseLost(f"the lease of {lease.key} is another's")
            case "lapsed":
                raise LeaseLost(f"the lease of {lease.key} has run out")
            case "moved":
                raise LeaseLost(f"the spec of {lease.key} has changed")

    def _run(self, command: str, arguments: Iterable[tuple[str, str]] = ()) -> Any:
        return self._call(command, [part for pair in arguments for part in pair])

    def _call(self, command: str, arguments: list[str]) -> Any:
        """EVALSHA; a server that does not know the script (a new one) is given it and asked again."""
        with translated(command):
            return self._scripts[command](args=arguments)


def _raise_for(how: str, user: str) -> None:
    match how:
        case "not_rebuilt":
            raise NotRebuilt
        case "missing":
            raise no_such_user(user)


def _window_values(window: Window) -> tuple[str, str, str]:
    return window.name, str(window.most), str(milliseconds(window.seconds))


def _full(answer: list[str]) -> Full | None:
    name, rest = answer
    return Full(name, int(rest) / 1000) if name else None


def _job(fields: list[str]) -> Job | None:
    return build_job(paired(fields)) if fields else None


def _event(event_id: str, fields: dict[str, str]) -> Event:
    return Event(event_id, cluster_key(fields["cluster"]), fields["job"] or None, fields["ended"] == "1")
