"""What `decide` remembers from one step to the next, as a value. It is kept in the cluster record (hazards H25)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common.cluster import Durable
from worker.core.observed import Proof

Since = tuple[str, float]
"""A word and the time since which it has held."""


MOST_DOUBLINGS = 30
"""Of a pause: what is tried for days is counted on, and no float holds two to the power of its thousands."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Durations in seconds that settings choose and `decide` uses."""

    upkeep_interval: float = 30.0
    bridge_after: float = 60.0
    grace: float = 5.0
    stall_after: float = 60.0
    start_within: float = 20.0
    kick_after: float = 5.0
    kick_at_most_every: float = 60.0
    birth_patience: float = 30.0
    # a job that makes no progress for so long has failed
    deadline_progress: float = 600.0

    def pause(self, times: int) -> float:
        """Seconds before something that was tried `times` times in a row is tried again: 5, 10, 20 ... 60."""
        if times == 0:
            return 0.0
        growth: int = 2 ** min(times - 1, MOST_DOUBLINGS)
        return min(self.kick_after * growth, self.kick_at_most_every)


@dataclass(frozen=True, slots=True)
class Leaving:
    """What is known of one leaver. What was proved holds for the fence `nonce` only."""

    nonce: str
    # since when no new connection reaches it through the endpoint
    withdrawn_at: float | None = None
    is_fenced: bool = False
    # the survivors that are up and that it is drained to
    targets: tuple[str, ...] = ()
    # all that it has to give, None before the first look under the fence
    databases: tuple[str, ...] | None = None
    proofs: tuple[Proof, ...] = ()
    # since when nothing more was copied or proved, None while it is not drained
    proved_at: float | None = None
    # what the last piece of draining waited for
    waits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Home:
    """Which data an instance had when it last answered.

    `passed_at`: when all of it was last seen to have been passed on over its links. `unsaved`: databases that nothing
    replicates.
    """

    name: str
    uuid: str
    passed_at: float | None = None
    unsaved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Crash:
    """Of a link: `at`, when it was last seen to be down; `ran`, how long it ran at most between two crashes, seconds.

    `mark`: how far it had come when it was last heard of, empty where it was begun anew since and has not told yet.
    `why`: what CouchDB said of it last, cut after 200 characters.
    """

    at: float
    ran: float = 0.0
    mark: str = ""
    why: str = ""


@dataclass(frozen=True)
class Memory:
    """Times are Unix seconds of the store's clock.

    Keys of `kicks`, `passing` and `crashed` are `source>target>database`.
    """

    durable: Durable = Durable()
    # the number of instances when all was last well, None before the first time
    settled_replicas: int | None = None
    # what each instance held when it last answered, by identity
    homes: Mapping[str, Home] = field(default_factory=dict)
    # the uuid of each instance that is being retired, by identity; empty for one that was not filled
    retiring: Mapping[str, str] = field(default_factory=dict)
    # whether Remove was done once at least
    removed: bool = False
    # when an instance of a cluster that is not born yet first answered
    unfilled_first_up_at: float | None = None
    # each instance's shown state, and since when
    states: Mapping[str, Since] = field(default_factory=dict)
    # since when an instance is not up
    down: Mapping[str, float] = field(default_factory=dict)
    # how often a document was written again, and when last
    kicks: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    # the uuid of the target's data for which a replication was last written
    reached: Mapping[str, str] = field(default_factory=dict)
    # the progress mark of a replication, and since when
    passing: Mapping[str, Since] = field(default_factory=dict)
    # links that crashed and have not shown since that they run
    crashed: Mapping[str, Crash] = field(default_factory=dict)
    # the leavers by identity, and the progress made with those that have left
    leaving: Mapping[str, Leaving] = field(default_factory=dict)
    gone_points: int = 0
    # the leavers of this version that left without a proof, on a user's word
    forced: tuple[str, ...] = ()
    # the farthest progress for this version of the spec; only more than that counts for a deadline
    version: int = 0
    best: int = 0
    # the most documents that one-shots, filling and draining, had written for this version
    flow: int = 0
    # what was waited for, and the last time that changed: the pace of looking follows from it
    waiting: tuple[str, ...] = ()
    moved_at: float = 0.0
    # which losses were told (`uuid`, or `data_lost`): a user's next change acknowledges these
    told: tuple[str, ...] = ()
    # what the platform's mirror was last given
    mirrored: tuple[int, Durable] | None = None
    # digests of `_security`: what was agreed on by database, what another instance has by `uuid database`
    security: Mapping[str, str] = field(default_factory=dict)
    security_apart: Mapping[str, str] = field(default_factory=dict)
    security_disputed: tuple[str, ...] = ()
    # the last database of which it was read, and when to read on
    security_cursor: str = ""
    security_after: float = 0.0
    # the time of the last look: see `backwards`
    looked_at: float = 0.0
    # instances at which a write failed: how often in a row, when last, and why
    refusing: Mapping[str, tuple[int, float, str]] = field(default_factory=dict)
    # no Provision, Drain, Retire, Remove again before
    provision_after: float = 0.0
    drain_after: float = 0.0
    retire_after: float = 0.0
    remove_after: float = 0.0
    # steps in a row that an error ended
    failures: int = 0

    def but(self, **parts: Any) -> "Memory":
        """This memory with these parts; itself if it has them already: what follows from it is not derived again.

        It is asked for many times in each look, and `replace` sets every part by a call of its own.
        """
        known = self.__dict__
        if all(known[name] == part for name, part in parts.items()):
            return self
        other = object.__new__(Memory)
        other.__dict__.update(known, **parts)
        return other
