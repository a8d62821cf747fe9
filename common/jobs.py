"""A job: one user request on its way, from its acceptance to exactly one end."""

from dataclasses import dataclass
from enum import StrEnum

from common.cluster import ClusterKey, ClusterSpec
from common.view import ClusterView, Reason


class JobKind(StrEnum):
    CREATE = "create"
    SCALE = "scale"
    REPLICATE = "replicate"
    UNREPLICATE = "unreplicate"
    PASSWORD = "password"  # noqa: S105 -- a kind of job
    DELETE = "delete"


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_ended(self) -> bool:
        return self in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: `done` of `total` of whatever it counts, and a line per instance.

    Both 0: nothing counted yet.
    """

    done: int = 0
    total: int = 0
    instances: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobChange:
    """What a job was like after its change number `revision`, which was made at `at` (Unix seconds)."""

    revision: int
    at: float
    status: JobStatus
    step: str
    progress: Progress
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class JobError:
    """How a job failed: a stable code, a sentence, and what to do about it."""

    code: str
    message: str
    detail: str


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is kept. Times are Unix seconds of Redis's clock (hazards H19).

    `deadline_at` ends it whatever happens; `progress_deadline_at` moves with each progress (hazards H24).
    `restore` is the spec that comes back when the job ends without success (scale down only, hazards H23); `undo` is
    the one that a cancel brings back. `is_sealed`: nothing brings back what its effects take, and they have begun.
    `revision` counts the changes that people are told of: of status, step, progress and reasons.
    """

    id: str
    key: ClusterKey
    kind: JobKind
    status: JobStatus
    version: int
    created_at: float
    deadline_at: float
    progress_deadline_at: float
    request_id: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    step: str = ""
    progress: Progress = Progress()
    reasons: tuple[Reason, ...] = ()
    result: ClusterView | None = None
    error: JobError | None = None
    restore: ClusterSpec | None = None
    undo: ClusterSpec | None = None
    is_sealed: bool = False
    revision: int = 0

    @property
    def way_back(self) -> ClusterSpec | None:
        """The spec that a cancel would bring back now; None where there is no way back."""
        return None if self.is_sealed else self.undo or self.restore
