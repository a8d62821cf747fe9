"""A request to the store in memory: the twin of scripts/submit.lua."""

from dataclasses import replace

from common.cluster import ClusterSpec
from common.codec import encode
from common.jobs import Job, JobKind, JobStatus
from common.store.port import ClusterRecord, Refusal, Submission, Submitted
from common.store.rules import ONCE_FOR, milliseconds
from tests.twins.store.state import KeptCluster, KeptOnce, State


def submit(state: State, submission: Submission, now: int) -> Submitted:
    answer = _known(state, submission, now) or _refused(state, submission, now)
    if answer is not None:
        return answer
    job = _accept(state, submission, now)
    _remember(state, submission, job.id, submission.spec, now)
    return Submitted(job)


def _known(state: State, submission: Submission, now: int) -> Submitted | None:
    """The answer to a request that was answered before, or that is not to be looked at."""
    if not state.is_rebuilt:
        return Submitted(None, Refusal.NOT_REBUILT)
    known = state.job(submission.job_id, now)
    if known is not None:
        return Submitted(known)
    if submission.kind is JobKind.CREATE and _is_taken(state, submission):
        return Submitted(None, Refusal.TAKEN)
    once = submission.once
    remembered = None if once is None else state.remembered(submission.spec.user, once.name, now)
    return None if remembered is None else Submitted(None, remembered=remembered)


def _refused(state: State, submission: Submission, now: int) -> Submitted | None:
    refused = _refuse(state, submission, now)
    if refused is None:
        return _refuse_by_limits(state, submission, now)
    running = refused.job
    if refused.refusal is Refusal.BUSY and running is not None and submission.kind is JobKind.DELETE:
        _remember(state, submission, running.id, state.clusters[submission.spec.key].record.spec, now)
    return refused


def _remember(state: State, submission: Submission, job_id: str, spec: ClusterSpec, now: int) -> None:
    """What answers for the idempotency key from now on."""
    once = submission.once
    if once is not None:
        state.once[spec.user, once.name] = KeptOnce(once, job_id, encode(spec), now + milliseconds(ONCE_FOR))


def _refuse_by_limits(state: State, submission: Submission, now: int) -> Submitted | None:
    """A delete is never refused, and what makes a user's share smaller is not either."""
    spec, limits = submission.spec, submission.limits
    if submission.kind is JobKind.DELETE:
        return None
    if limits.jobs is not None and _count_unfinished(state, spec.user, limits.jobs, now) >= limits.jobs:
        return Submitted(None, Refusal.TOO_MANY_JOBS)
    sizes = state.sizes(spec.user)
    own = sizes.get(spec.tag, 0)
    if own == 0 and limits.clusters is not None and len(sizes) >= limits.clusters:
        return Submitted(None, Refusal.TOO_MANY_CLUSTERS)
    total = sum(sizes.values()) - own + spec.replicas
    if spec.replicas > own and limits.instances is not None and total > limits.instances:
        return Submitted(None, Refusal.TOO_MANY_INSTANCES)
    return None


def _count_unfinished(state: State, user: str, most: int, now: int) -> int:
    """How many jobs have not ended. Those past a deadline are ended first where that may make room."""
    ids = state.jobs.unfinished(user)
    if len(ids) < most:
        return len(ids)
    for job_id in ids:
        state.job(job_id, now)
    return len(state.jobs.unfinished(user))


def _refuse(state: State, submission: Submission, now: int) -> Submitted | None:
    kept = state.clusters.get(submission.spec.key)
    if kept is not None and kept.gone_until is not None:
        kept = None
    if submission.kind is JobKind.CREATE:
        return None if kept is None else Submitted(None, Refusal.EXISTS)
    if kept is None:
        return Submitted(None, Refusal.MISSING)
    return _refuse_change(state, submission, kept, now)


def _is_taken(state: State, submission: Submission) -> bool:
    """Whether a create comes from somebody who was not proved to be this user: nothing is told of the user's own."""
    user = submission.spec.user
    return user in state.disabled or state.owners.get(user, submission.owner_hash) != submission.owner_hash


def _refuse_change(state: State, submission: Submission, kept: KeptCluster, now: int) -> Submitted | None:
    running = state.unfinished(kept, now)
    record = kept.record
    is_delete = submission.kind is JobKind.DELETE
    if record.spec.deleted and not is_delete:
        return Submitted(None, Refusal.MISSING)
    if running is not None and not (is_delete and running.kind is not JobKind.DELETE):
        return Submitted(running, Refusal.BUSY)
    return None if record.version == submission.expected_version else Submitted(None, Refusal.STALE)


def _accept(state: State, submission: Submission, now: int) -> Job:
    spec = submission.spec
    kept = state.clusters.get(spec.key)
    undo = submission.undo
    if kept is not None:
        undo = _former_way_back(state, kept, now) or undo
        state.supersede(kept, now)
    job = replace(_build_job(submission, state.next_number(now), now), undo=undo)
    owner_hash = state.owners.setdefault(spec.user, submission.owner_hash)
    if kept is None or submission.kind is JobKind.CREATE:
        record = ClusterRecord(spec, job.version, owner_hash, job=job.id)
    else:
        record = replace(kept.record, spec=spec, version=job.version, job=job.id)
    if kept is None:
        kept = state.clusters[spec.key] = KeptCluster.of(record)
    kept.record, kept.gone_until = record, None
    if submission.kind is JobKind.CREATE:
        kept.count_until = 0
        kept.steps.clear()
    kept.wake += 1
    state.due[spec.key] = now
    state.jobs.put(job)
    state.jobs.trim(spec.user, now)
    return job


def _former_way_back(state: State, kept: KeptCluster, now: int) -> ClusterSpec | None:
    """What would have come back if the job that is ended by this one had failed."""
    former = state.unfinished(kept, now)
    return former.restore if former is not None and former.version == kept.record.version else None


def _build_job(submission: Submission, version: int, now: int) -> Job:
    return Job(
        id=submission.job_id,
        key=submission.spec.key,
        kind=submission.kind,
        status=JobStatus.QUEUED,
        version=version,
        created_at=now / 1000,
        deadline_at=(now + milliseconds(submission.deadline)) / 1000,
        progress_deadline_at=(now + milliseconds(submission.progress_deadline)) / 1000,
        request_id=submission.request_id,
        restore=submission.restore,
    )
