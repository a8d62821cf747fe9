"""What `decide` remembers from one step to the next, as a value. It is kept in the cluster record (hazards H25)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from common.cluster import Durable

Since = tuple[str, float]
"""A word and the time since which it has held."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Durations in seconds that settings choose and `decide` uses."""

    upkeep_interval: float = 30.0
    bridge_after: float = 60.0
    grace: float = 5.0
    stall_after: float = 60.0
    kick_after: float = 5.0
    kick_at_most_every: float = 60.0
    birth_patience: float = 30.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Times are Unix seconds of the store's clock. Keys of `kicks` and `passing` are `source>target>database`.

    `settled_replicas`: the number of instances when all was last well, None before the first time.
    `unfilled_first_up_at`: when an instance of a cluster that is not born yet first answered.
    `states`: each instance's shown state and since when. `down`: since when an instance is not up.
    `kicks`: how often a document was written again, and when last.
    `passing`: the progress mark of a replication and since when.
    `version`, `best`: the farthest progress for that version of the spec; only more than that counts for a deadline.
    `waiting`, `moved_at`: what was waited for, and the last time that changed; the pace of looking follows from it.
    `mirrored`: what the platform's mirror was last given.
    `provision_after`: no Provision again before. `failures`: steps in a row that an error ended.
    """

    durable: Durable = Durable()
    settled_replicas: int | None = None
    data_lost: bool = False
    removed: bool = False
    unfilled_first_up_at: float | None = None
    states: Mapping[str, Since] = field(default_factory=dict)
    down: Mapping[str, float] = field(default_factory=dict)
    kicks: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    passing: Mapping[str, Since] = field(default_factory=dict)
    version: int = 0
    best: int = 0
    waiting: tuple[str, ...] = ()
    moved_at: float = 0.0
    mirrored: tuple[int, Durable] | None = None
    provision_after: float = 0.0
    failures: int = 0
