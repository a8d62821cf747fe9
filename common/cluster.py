"""What a cluster is: its key, its spec (what should be) and its durable record. Plain data, read by api and worker."""

from dataclasses import dataclass, field, replace
from typing import Literal

MIN_REPLICAS = 1
MAX_REPLICAS = 10

Spawner = Literal["process", "deployment", "rc", "statefulset"]


@dataclass(frozen=True, slots=True, order=True)
class ClusterKey:
    """The pair that names a cluster: its owner and the owner's tag for it."""

    user: str
    tag: str

    def __str__(self) -> str:
        return f"{self.user}/{self.tag}"


@dataclass(frozen=True, slots=True)
class Drop:
    """Databases to be removed from every instance, once: `id` is random per request. Never any that begins with `_`."""

    id: str
    databases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """What should be. A request changes this and nothing else; the engine brings the cluster to it.

    `incarnation` is random per create, so that a cluster that is made again under one key is another cluster.
    `databases` is the saved list: sorted, without repetition. `all_databases` adds every database that is found.
    `drop` names databases that are to go for good; one that is on the saved list again does not.
    `admin_line` is the user's CouchDB admin as CouchDB stores it, a PBKDF2 string, never a password. It is made from a
    password that the user chose for the cluster (`has_own_password`), or else from the user's token.
    """

    user: str
    tag: str
    incarnation: str
    replicas: int
    databases: tuple[str, ...]
    admin_name: str
    admin_line: str = field(repr=False)
    spawner: Spawner = "process"
    all_databases: bool = False
    deleted: bool = False
    force: bool = False
    drop: Drop | None = None
    has_own_password: bool = False

    @property
    def key(self) -> ClusterKey:
        return ClusterKey(self.user, self.tag)


def with_token_line(spec: ClusterSpec, line: str) -> ClusterSpec:
    """The spec after its owner got another token, of which `line` is made: a password of the cluster's own stays."""
    return spec if spec.has_own_password else replace(spec, admin_line=line)


@dataclass(frozen=True, slots=True)
class Loss:
    """Data that the platform destroyed, told until the spec has another `version` than the one it happened under."""

    instance: str
    uuid: str
    version: int
    text: str


@dataclass(frozen=True, slots=True)
class Durable:
    """What `decide` remembers and what must outlive Redis, so it is in the platform's mirror too (hazards H6, H25).

    `leavers` are identities of instances chosen to leave; `filled` are uuids of data that has caught up once;
    `ever_filled` says whether any instance of this cluster was ever filled. `losses` are the latest ones;
    `data_lost_in` is the spec's version under which every instance came back empty. `dropped` is the id of the last
    drop that was done.
    """

    leavers: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()
    ever_filled: bool = False
    losses: tuple[Loss, ...] = ()
    data_lost_in: int | None = None
    dropped: str = ""


@dataclass(frozen=True, slots=True)
class MirrorRecord:
    """The durable part of a cluster record, as the platform carries it (hazards H18, H21, H22).

    `version` is the spec's version, `fence` the fencing number of the writer. A lost Redis is rebuilt from these.
    `is_disabled` says so of the owner.
    """

    spec: ClusterSpec
    version: int
    owner_hash: str = field(repr=False)
    durable: Durable = Durable()
    fence: int = 0
    is_disabled: bool = False
