"""What people are shown of a cluster: written by a worker after each look, read by the api.

Unknown is None, never 0.
"""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ready", "creating", "scaling", "degraded", "deleting", "unknown"]
InstanceState = Literal["starting", "filling", "serving", "withdrawn", "fenced", "down", "unknown"]
ReplicationState = Literal[
    "running", "pending", "initializing", "crashing", "error", "failed", "completed", "missing", "unknown"
]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the status is not `ready`, or what a job waits for: a stable code and a sentence."""

    code: str
    text: str
    instance: str | None = None


@dataclass(frozen=True, slots=True)
class InstanceView:
    """One instance. `since` is the time (Unix seconds) at which the present state was first seen."""

    name: str
    url: str
    state: InstanceState
    uuid: str | None = None
    since: float | None = None


@dataclass(frozen=True, slots=True)
class ReplicationView:
    """One database over one link. `pending`: changes that wait; `refused`: documents that the target refused."""

    database: str
    state: ReplicationState
    pending: int | None = None
    refused: int | None = None


@dataclass(frozen=True, slots=True)
class LinkView:
    source: str
    target: str
    replications: tuple[ReplicationView, ...] = ()


@dataclass(frozen=True, slots=True)
class ConflictCount:
    """Documents of a database with more than one living revision: `documents` of them at least, all if `is_complete`.

    None: it was not looked at.
    """

    database: str
    documents: int | None = None
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class Conflicts:
    """One count, on one instance (None: none answered), begun at `counted_at`, Redis's time in Unix seconds."""

    counted_at: float
    instance: str | None
    counts: tuple[ConflictCount, ...]


@dataclass(frozen=True, slots=True)
class ClusterView:
    """One look at a cluster. `observed_at` is Redis's time in Unix seconds; `version` the spec's version then."""

    status: Status
    reasons: tuple[Reason, ...] = ()
    endpoint: str | None = None
    namespace: str = "default"
    instances: tuple[InstanceView, ...] = ()
    links: tuple[LinkView, ...] = ()
    databases: tuple[str, ...] = ()
    observed_at: float = 0.0
    version: int = 0
