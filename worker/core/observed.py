"""What was seen just now. Any part may be Unknown, and unknown is never taken for empty (design, 5.8)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from common.view import ReplicationState

InstancePhase = Literal["starting", "running", "down"]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Could not be read, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance as its platform sees it.

    `identity` changes when the data is other data (a new folder, a new volume). `address` is the URL that kanto and
    siblings use, `url` the one shown to people. `phase` is the platform's word: a process or pod that is there is
    `running` even if CouchDB does not answer yet; `starting` is one that the platform is at and that cannot answer yet;
    `down` one that Provision may mend. `reason` is the platform's own word for why it is not running.
    `is_going`: its removal has begun and is not taken back, so nothing but Retire is asked for it until it is gone.
    `loopback` is the URL by which its own CouchDB reaches itself, where that is another: a pod's address changes with
    the pod, and with the source's address the replication id, so that all would be read again from the start.
    """

    name: str
    identity: str
    address: str
    url: str
    phase: InstancePhase
    serving: bool
    reason: str = ""
    loopback: str = ""
    is_going: bool = False


@dataclass(frozen=True, slots=True)
class Platformed:
    """What the platform sees of a cluster: its instances by name, its endpoint (None: none yet), its namespace."""

    instances: tuple[Instance, ...] = ()
    endpoint: str | None = None
    namespace: str = "default"
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Replication:
    """One of kanto's documents in an instance's `_replicator` and what the scheduler says of it.

    `is_sound`: it is, but for tuning options, the document kanto would write. `progress` moves when a change is looked
    at or passes, `through` when all up to it has passed; both are opaque.
    """

    database: str
    target: str
    is_sound: bool
    state: ReplicationState
    pending: int | None = None
    refused: int | None = None
    progress: str = ""
    error: str = ""
    through: str = ""


@dataclass(frozen=True, slots=True)
class Fill:
    """A one-shot replication document on the receiving instance (hazards H13)."""

    database: str
    source: str
    state: ReplicationState
    refused: int | None = None
    written: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Fence:
    """An instance that is fenced, or half so.

    `nonce` is the fence's own word once all of it stands, else None (hazards H8).
    """

    nonce: str | None


@dataclass(frozen=True, slots=True)
class Proof:
    """How far it is proved that a survivor holds what a leaver's database holds (hazards H11 to H13).

    `target_uuid`, `source_start` and `target_start` (each database's `instance_start_time`) say of which data it
    speaks. Everything up to the leaver's sequence `since` has been looked at, `documents` of them, of `total` that
    there are, deleted ones too; `missing` were not on the target at the last look. It is complete when nothing came
    after `since` and nothing is missing.
    """

    database: str
    target: str
    target_uuid: str
    source_start: str
    target_start: str
    since: str = "0"
    documents: int = 0
    total: int = 0
    missing: int = 0
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class Drained:
    """What one bounded piece of draining one leaver to one survivor has reached: a proof per database begun.

    `databases` are all that the leaver has to give; `waits` says in words what is still under way or in the way.
    """

    databases: tuple[str, ...]
    proofs: tuple[Proof, ...]
    waits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """One instance as its CouchDB answers. `security` is canonical JSON by database.

    `admins` are its admin lines by name, but for kanto's own; None where they were not read.
    """

    uuid: str
    databases: tuple[str, ...]
    security: Mapping[str, str] = field(default_factory=dict)
    replications: tuple[Replication, ...] = ()
    fills: tuple[Fill, ...] = ()
    fence: Fence | None = None
    admins: Mapping[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Down:
    """The instance does not answer: the connection was refused or cut, or `_up` says so."""

    why: str


@dataclass(frozen=True, slots=True)
class Observed:
    """One look at a cluster: the platform's part, and each instance's answer by name."""

    platform: Platformed | Unknown
    nodes: Mapping[str, Node | Down | Unknown] = field(default_factory=dict)
