"""What a step leaves behind in the store in memory: the twin of scripts/outcome.lua."""

from dataclasses import replace

from common.jobs import Job
from common.store.port import Lease, Outcome, PastStep
from common.store.rules import milliseconds
from tests.twins.store.state import KeptCluster, State


def write_outcome(state: State, kept: KeptCluster, lease: Lease, outcome: Outcome, now: int) -> Job | None:
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
        conflicts=record.conflicts if outcome.conflicts is None else outcome.conflicts,
    )
    if outcome.conflicts is not None:
        kept.count_until = 0
    if outcome.step is not None:
        _keep_step(kept, PastStep(now / 1000, lease.owner, lease.fence, outcome.step, outcome.reasons or ()))
    if is_moved or lease.job is None or record.job != lease.job.id:
        return None
    job = state.jobs.get(lease.job.id, now)
    if job is None:
        return None
    moved = _move(job, outcome, now)
    if _told(moved) != _told(job):
        return state.note(moved, now)
    state.jobs.put(moved)
    return moved


def _keep_step(kept: KeptCluster, step: PastStep) -> None:
    """Keep it if it did or met something else than the one before."""
    last = kept.steps[-1] if kept.steps else None
    if last is None or (last.step, last.reasons) != (step.step, step.reasons):
        kept.steps.append(step)


def _told(job: Job) -> tuple[object, ...]:
    """What those who listen are told of."""
    return job.step, job.progress, job.reasons


def _move(job: Job, outcome: Outcome, now: int) -> Job:
    until = (now + milliseconds(outcome.progress_window)) / 1000
    return replace(
        job,
        step=job.step if outcome.step is None else outcome.step,
        progress=job.progress if outcome.progress is None else outcome.progress,
        reasons=job.reasons if outcome.reasons is None else outcome.reasons,
        is_sealed=job.is_sealed or outcome.seals,
        progress_deadline_at=until if outcome.progressed else job.progress_deadline_at,
    )


def tell(state: State, lease: Lease, job: Job | None, outcome: Outcome, now: int) -> None:
    """Post an event if there is news."""
    news = (outcome.step, outcome.progress, outcome.reasons)
    if outcome.view is not None or (job is not None and any(part is not None for part in news)):
        state.events.post(lease.key, None if job is None else job.id, now)
