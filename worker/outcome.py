"""What a step leaves behind in the store, from the last look and its plan.

The view, the job's progress, the next due time.
"""

from dataclasses import dataclass, replace

from common.cluster import ClusterSpec
from common.codec import encode
from common.errors import KantoError, TemporaryError
from common.jobs import Job, JobError, JobKind, JobStatus, Progress
from common.store.port import ClusterRecord, Outcome
from common.view import ClusterView, Reason
from worker.core import parting, remember, status
from worker.core.actions import Apply, Done, Plan, Wait
from worker.core.memory import Memory, Policy
from worker.core.observed import Observed, Unknown
from worker.core.situation import Situation

GONE_AGAIN = 30.0
"""Seconds between two removals of a cluster that is gone already (hazards H18)."""

WORST_PAUSE = 30.0
"""The longest pause, in seconds, after errors in a row."""


@dataclass(frozen=True, slots=True)
class Look:
    """One round of a step: what was seen at `now` (the store's time), what was decided, what is remembered."""

    record: ClusterRecord
    job: Job | None
    observed: Observed
    plan: Plan
    memory: Memory
    before: Memory
    now: float
    policy: Policy

    @property
    def spec(self) -> ClusterSpec:
        return self.record.spec


def of_look(look: Look, *, jitter: float) -> Outcome:
    """The end of a step that went well. `jitter` in 0..1 spreads upkeep so that clusters do not come due together."""
    shared = underway(look)
    match look.plan:
        case Apply():
            return shared
        case Wait(_, until):
            return replace(shared, due_in=max(until - look.now, 0.0))
        case Done():
            return ended(look, shared, jitter=jitter)


def ended(look: Look, shared: Outcome, *, jitter: float) -> Outcome:
    """All is as the spec says: the job that brought this spec has succeeded; a deleted cluster is gone."""
    is_gone = look.spec.deleted
    ends_job = look.job is not None and look.job.version == look.record.version
    return replace(
        shared,
        due_in=GONE_AGAIN if is_gone else look.policy.upkeep_interval * (0.9 + 0.2 * jitter),
        ended=JobStatus.SUCCEEDED if ends_job else None,
        reasons=(*(shared.reasons or ()), *forced_reasons(look.memory)),
        gone=is_gone,
    )


def forced_reasons(memory: Memory) -> tuple[Reason, ...]:
    """What a user's `force=1` did, for the record of the job."""
    return tuple(
        Reason("forced", f"{name} left without a proof that others hold what it held, as force=1 said", name)
        for name in memory.forced
    )


def underway(look: Look) -> Outcome:
    """What is worth saving before actions are carried out."""
    memory, view, progress = shown(look)
    return Outcome(
        due_in=0.0,
        memory=encode(memory),
        durable=memory.durable,
        view=view,
        step=status.describe(look.plan),
        progress=progress,
        reasons=view.reasons,
        progressed=has_progressed(look.before, look.memory),
        progress_window=look.policy.deadline_progress,
    )


def has_progressed(before: Memory, memory: Memory) -> bool:
    """Whether anything happened that puts off the end of a job that gets no further."""
    return (
        memory.best > before.best
        or memory.flow > before.flow
        or memory.removed != before.removed
        or parting.has_proved_more(before, memory)
    )


def shown(look: Look) -> tuple[Memory, ClusterView, Progress]:
    seen, version = look.observed.platform, look.record.version
    if isinstance(seen, Unknown):
        return look.memory, status.unknown_view(seen, look.record.view, look.spec, look.now, version), Progress()
    if look.spec.deleted:
        left = len(seen.instances)
        view = status.bare_view(seen, look.spec, look.plan, look.memory, now=look.now, version=version)
        return look.memory, view, Progress(0, left, tuple(f"{i.name}: being removed" for i in seen.instances))
    situation = Situation(look.spec, look.observed, seen, look.memory, look.now, look.policy)
    memory = remember.states(remember.ended_well(look.memory), status.shown_states(situation), look.now)
    return memory, status.view(situation.remembering(memory), look.plan, version), status.progress(situation)


def of_error(error: KantoError, *, job: Job | None, before: Memory, memory: Memory, policy: Policy) -> Outcome:
    """The end of a step that met an error: tried again with growing pauses, or the end of the job."""
    memory = remember.failed(memory)
    shared = Outcome(
        due_in=policy.upkeep_interval,
        memory=encode(memory),
        reasons=(Reason(error.code, error.detail),),
        step=error.message,
        progressed=has_progressed(before, memory),
        progress_window=policy.deadline_progress,
    )
    if isinstance(error, TemporaryError):
        pause = min(error.retry_in * 2 ** min(memory.failures - 1, 6), WORST_PAUSE)
        return replace(shared, due_in=pause)
    failed = JobError(error.code, error.message, error.action)
    ends_job = job is not None and job.kind is not JobKind.DELETE
    return replace(shared, ended=JobStatus.FAILED if ends_job else None, error=failed)


def with_error(view: ClusterView | None, error: KantoError) -> ClusterView | None:
    """The last view, but no longer ready: what ended the step is its first reason."""
    if view is None:
        return None
    reasons = (Reason(error.code, error.detail), *(r for r in view.reasons if r.code != error.code))
    return replace(view, status="degraded" if view.status == "ready" else view.status, reasons=reasons)
