"""What a request changes in a spec, and what the store is given of it: whoever asks, the api or an operator."""

from dataclasses import dataclass, replace

from common.cluster import ClusterSpec
from common.jobs import JobKind
from common.settings import Settings
from common.store.admission import NO_LIMITS, Limits, Once
from common.store.port import Submission


@dataclass(frozen=True, slots=True)
class Change:
    """`restore` is the spec that comes back if the job ends without success (hazards H23), `undo` if it is canceled."""

    kind: JobKind
    spec: ClusterSpec
    restore: ClusterSpec | None = None
    undo: ClusterSpec | None = None


def deletion(spec: ClusterSpec, *, force: bool) -> Change:
    """The end of a cluster. There is no way back once a worker has begun with it (hazards H23)."""
    return Change(JobKind.DELETE, replace(spec, deleted=True, force=force), undo=former(spec))


def former(spec: ClusterSpec) -> ClusterSpec | None:
    """What a cancel of a change of this spec brings back: `force` was a word for one job. None for what is deleted."""
    return None if spec.deleted else replace(spec, force=False)


def deadlines(kind: JobKind, settings: Settings) -> tuple[float, float]:
    """Seconds from now: until the job ends in any case, and until it ends for want of progress (hazards H24)."""
    whole = {
        JobKind.CREATE: settings.deadline_create,
        JobKind.SCALE: settings.deadline_scale,
        JobKind.REPLICATE: settings.deadline_replicate,
        JobKind.UNREPLICATE: settings.deadline_replicate,
        JobKind.PASSWORD: settings.deadline_replicate,
        JobKind.DELETE: settings.deadline_delete,
    }[kind]
    return whole, min(whole, settings.deadline_progress)


def build_submission(
    change: Change,
    *,
    owner_hash: str,
    version: int | None,
    job_id: str,
    settings: Settings,
    request_id: str = "",
    limits: Limits = NO_LIMITS,
    once: Once | None = None,
) -> Submission:
    """The change and its job for the store. `version` is that of the record it was computed from, None for a create."""
    deadline, progress_deadline = deadlines(change.kind, settings)
    return Submission(
        job_id=job_id,
        kind=change.kind,
        spec=change.spec,
        owner_hash=owner_hash,
        expected_version=version,
        deadline=deadline,
        progress_deadline=progress_deadline,
        request_id=request_id,
        restore=change.restore,
        undo=change.undo,
        limits=limits,
        once=once,
    )
