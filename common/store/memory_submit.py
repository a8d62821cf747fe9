"""A request to the store in memory: the twin of scripts/submit.lua."""

from dataclasses import replace

from common.cluster import ClusterSpec
from common.jobs import Job, JobKind, JobStatus
from common.store.memory_state import KeptCluster, State
from common.store.port import ClusterRecord, Refusal, Submission, Submitted
from common.store.rules import milliseconds


def submit(state: State, submission: Submission, now: int) -> Submitted:
    if not state.is_rebuilt:
        return Submitted(None, Refusal.NOT_REBUILT)
    known = state.job(submission.job_id, now)
    if known is not None:
        return Submitted(known)
    return _refuse(state, submission, now) or Submitted(_accept(state, submission, now))


def _refuse(state: State, submission: Submission, now: int) -> Submitted | None:
    kept = state.clusters.get(submission.spec.key)
    if kept is not None and kept.gone_until is not None:
        kept = None
    if submission.kind is JobKind.CREATE:
        return _refuse_create(state, submission, kept)
    if kept is None:
        return Submitted(None, Refusal.MISSING)
    return _refuse_change(state, submission, kept, now)


def _refuse_create(state: State, submission: Submission, kept: KeptCluster | None) -> Submitted | None:
    if state.owners.get(submission.spec.user, submission.owner_hash) != submission.owner_hash:
        return Submitted(None, Refusal.TAKEN)
    return None if kept is None else Submitted(None, Refusal.EXISTS)


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
    kept = state.clusters.setdefault(spec.key, KeptCluster(""))
    kept.record, kept.gone_until = record, None
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
