"""What the store tells of all clusters and jobs at once, for those who watch kanto."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from common.cluster import ClusterKey
from common.view import ClusterView


@dataclass(frozen=True, slots=True)
class Surveyed:
    """One cluster as it was last seen. `late`: seconds for which it has been due, 0 when it is not.

    `view` is None before the first look, and where a newer kanto wrote it.
    """

    key: ClusterKey
    late: float
    view: ClusterView | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How many jobs of one kind have ended one way, and how many seconds they took together, since the store began."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Survey:
    """All of it. `ended` is by kind and status; `overdue` counts jobs past a deadline that nobody has ended yet.

    `memory` is bytes used and the most that may be used, each None where it is not known or not bounded.
    """

    clusters: tuple[Surveyed, ...] = ()
    workers: int = 0
    unfinished: int = 0
    overdue: int = 0
    ended: Mapping[tuple[str, str], Ended] = field(default_factory=dict)
    memory: tuple[int | None, int | None] = (None, None)
