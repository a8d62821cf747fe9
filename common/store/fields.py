"""The fields of Redis's hashes: a cluster's and a job's to plain data and back. Times in them are milliseconds."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from common.cluster import ClusterKey, ClusterSpec, Durable, MirrorRecord, with_token_line
from common.codec import decode, encode
from common.errors import NewerVersion
from common.jobs import Job, JobChange, JobError, JobKind, JobStatus, Progress
from common.store.admission import Once
from common.store.port import ClusterRecord, JobLog, Lease, Outcome, PastStep, Remembered, Submission
from common.store.rules import HORIZON, canceled_error, deadline_error, milliseconds, superseded_error
from common.store.survey import Ended, Surveyed
from common.view import ClusterView, Conflicts, Reason

Fields = Mapping[str, str]

_Reasons = tuple[Reason, ...]


def paired(flat: list[str]) -> Fields:
    """name, value, name, value ... as Lua gives a table."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def cluster_id(key: ClusterKey) -> str:
    return f"{key.user}/{key.tag}"


def cluster_key(text: str) -> ClusterKey:
    """What `cluster_id` was given: no tag holds a slash."""
    user, _, tag = text.rpartition("/")
    return ClusterKey(user, tag)


def duration(seconds: float) -> str:
    return str(max(milliseconds(seconds), 0))


def bounded(seconds: float) -> str:
    """A due time's distance, not beyond the horizon at which it would count as due."""
    return duration(min(seconds, HORIZON))


def build_record(fields: Fields, owner_hash: str, *, is_disabled: bool) -> ClusterRecord:
    return ClusterRecord(
        spec=decode(ClusterSpec, fields["spec"]),
        version=int(fields["version"]),
        owner_hash=owner_hash,
        memory=fields.get("memory", ""),
        durable=decode(Durable, fields["durable"]) if "durable" in fields else Durable(),
        view=decode(ClusterView, fields["view"]) if "view" in fields else None,
        job=fields.get("job"),
        gone="gone_until" in fields,
        conflicts=decode(Conflicts, fields["conflicts"]) if "conflicts" in fields else None,
        is_disabled=is_disabled,
    )


def build_job(fields: Fields) -> Job:
    """The job; if Redis ended it by itself, the error is told from what the job was last seen to wait for."""
    job = Job(
        id=fields["id"],
        key=ClusterKey(fields["user"], fields["tag"]),
        kind=JobKind(fields["kind"]),
        status=JobStatus(fields["status"]),
        version=int(fields["version"]),
        created_at=_seconds(fields["created_at"]),
        deadline_at=_seconds(fields["deadline_at"]),
        progress_deadline_at=_seconds(fields["progress_deadline_at"]),
        request_id=fields["request_id"],
        started_at=_seconds(fields["started_at"]) if "started_at" in fields else None,
        ended_at=_seconds(fields["ended_at"]) if "ended_at" in fields else None,
        step=fields.get("step", ""),
        progress=decode(Progress, fields["progress"]) if "progress" in fields else Progress(),
        reasons=decode(_Reasons, fields["reasons"]) if "reasons" in fields else (),
        result=decode(ClusterView, fields["result"]) if "result" in fields else None,
        error=decode(JobError, fields["error"]) if "error" in fields else None,
        restore=decode(ClusterSpec, fields["restore"]) if "restore" in fields else None,
        undo=decode(ClusterSpec, fields["undo"]) if "undo" in fields else None,
        is_sealed="sealed" in fields,
        revision=int(fields.get("revision", "0")),
    )
    match fields.get("cause"):
        case "deadline":
            return replace(job, error=deadline_error(job))
        case "superseded":
            return replace(job, error=superseded_error(job))
        case "canceled":
            return replace(job, error=canceled_error(job))
    return job


def build_change(entry: str, fields: Fields) -> JobChange:
    """An entry of a job's changes; what was not written yet is empty there."""
    return JobChange(
        revision=int(entry.partition("-")[0]),
        at=_seconds(fields["at"]),
        status=JobStatus(fields["status"]),
        step=fields["step"],
        progress=decode(Progress, fields["progress"]) if fields["progress"] else Progress(),
        reasons=decode(_Reasons, fields["reasons"]) if fields["reasons"] else (),
    )


def build_past_step(fields: Fields) -> PastStep:
    return PastStep(
        at=_seconds(fields["at"]),
        owner=fields["owner"],
        fence=int(fields["fence"]),
        step=fields["step"],
        reasons=decode(_Reasons, fields["reasons"]),
    )


def build_log(job: Job, changes: Iterable[JobChange], *, after: int) -> JobLog:
    """Changes are numbered without a gap, so counting them tells whether any is missing."""
    found = tuple(changes)
    return JobLog(job, found, is_whole=len(found) == job.revision - after)


def build_remembered(name: str, fields: Fields, job: Job | None) -> Remembered:
    return Remembered(Once(name, fields["salt"], fields["mark"]), decode(ClusterSpec, fields["spec"]), job)


def submission_fields(submission: Submission) -> Iterator[tuple[str, str]]:
    spec = submission.spec
    yield from key_fields(spec.key)
    yield "job_id", submission.job_id
    yield "kind", submission.kind
    yield "request_id", submission.request_id
    yield "owner_hash", submission.owner_hash
    yield "spec", encode(spec)
    yield "incarnation", spec.incarnation
    yield "deleted", _flag(spec.deleted)
    yield "deadline", duration(submission.deadline)
    yield "progress_deadline", duration(submission.progress_deadline)
    if submission.expected_version is not None:
        yield "expected_version", str(submission.expected_version)
    yield "replicas", str(spec.replicas)
    for name, former in (("restore", submission.restore), ("undo", submission.undo)):
        if former is not None:
            yield name, encode(former)
            yield f"{name}_replicas", str(former.replicas)
    limits = submission.limits
    for name, most in (("clusters", limits.clusters), ("instances", limits.instances), ("jobs", limits.jobs)):
        if most is not None:
            yield f"most_{name}", str(most)
    if submission.once is not None:
        yield "once", submission.once.name
        yield "once_salt", submission.once.salt
        yield "once_mark", submission.once.mark


def token_values(record: ClusterRecord, job: Job | None, admin_line: str) -> tuple[str, ...]:
    """The six values that `give_token.lua` takes for a cluster, in its order: what the new token makes of them."""
    brought_back = (None, None) if job is None else (job.restore, job.undo)
    specs = ("" if spec is None else encode(with_token_line(spec, admin_line)) for spec in brought_back)
    spec = encode(with_token_line(record.spec, admin_line))
    return record.spec.tag, str(record.version), spec, "" if job is None else job.id, *specs


def key_fields(key: ClusterKey) -> Iterator[tuple[str, str]]:
    yield "id", cluster_id(key)
    yield "user", key.user
    yield "tag", key.tag


def lease_fields(lease: Lease) -> Iterator[tuple[str, str]]:
    yield from key_fields(lease.key)
    yield "fence", str(lease.fence)
    yield "ttl", duration(lease.ttl)
    yield "version", str(lease.record.version)
    yield "incarnation", lease.record.spec.incarnation
    yield "wake_seen", str(lease.wake_seen)
    if lease.job is not None:
        yield "job_id", lease.job.id


def outcome_fields(outcome: Outcome) -> Iterator[tuple[str, str]]:
    for name, text in (("memory", outcome.memory), ("step", outcome.step)):
        if text is not None:
            yield name, text
    for name in ("durable", "view", "progress", "reasons", "error", "conflicts"):
        value = getattr(outcome, name)
        if value is not None:
            yield name, encode(value)
    if outcome.progressed:
        yield "progressed", _flag(True)
    if outcome.ended is not None:
        yield "ended", outcome.ended
    if outcome.gone:
        yield "gone", _flag(True)
    if outcome.seals:
        yield "sealed", _flag(True)
    yield "progress_window", duration(outcome.progress_window)
    yield "gone_for", duration(outcome.gone_for)
    yield "due_in", bounded(outcome.due_in)


def mirror_values(mirror: MirrorRecord) -> tuple[str, ...]:
    """The eleven values that `rebuild.lua` takes, in its order."""
    spec = mirror.spec
    numbers = (str(mirror.version), str(mirror.fence))
    return (
        *(spec.user, spec.tag, *numbers, spec.incarnation, _flag(spec.deleted)),
        *(encode(spec), encode(mirror.durable), mirror.owner_hash, str(spec.replicas), _flag(mirror.is_disabled)),
    )


def _seconds(text: str) -> float:
    return int(text) / 1000


def _flag(value: bool) -> str:
    return "1" if value else "0"


def build_surveyed(values: list[str]) -> Surveyed:
    name, late, text = values
    try:
        view = decode(ClusterView, text) if text else None
    except NewerVersion:
        view = None
    return Surveyed(cluster_key(name), int(late) / 1000, view)


def build_ended(fields: Fields) -> dict[tuple[str, str], Ended]:
    """Fields are named `<kind> <status> count` and `<kind> <status> ms`."""
    kinds = sorted({(kind, status) for kind, status, _ in map(str.split, fields)})
    return {
        (kind, status): Ended(int(fields[f"{kind} {status} count"]), int(fields[f"{kind} {status} ms"]) / 1000)
        for kind, status in kinds
    }
