"""What a plan can hold. Each action is one idempotent call, and says why it is safe to repeat."""

from dataclasses import dataclass, field

from common.view import Reason, Status
from worker.core.observed import Drained, Proof
from worker.core.ring import Wanted


@dataclass(frozen=True, slots=True)
class Provision:
    """Whatever the spec needs exists, and every instance in `keep`.

    Safe to repeat: it makes what is missing, removes nothing.
    """

    keep: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreateDatabases:
    """These databases exist on this instance. Safe to repeat: one that exists is left as it is.

    `like`: by database, the instance that has it already and as which it is made.
    """

    instance: str
    databases: tuple[str, ...]
    like: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PutSecurity:
    """These databases of this instance have these `_security`, as canonical JSON. Safe to repeat: it states them."""

    instance: str
    wanted: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class PutLogin:
    """The user's admin of this instance is this line, at once and without a restart.

    Safe to repeat: it states the line, and does nothing to an instance that is fenced, half or whole.
    """

    instance: str
    user: str
    line: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DropDatabases:
    """These databases are gone from this instance, as a user asked. Safe to repeat: deleting nothing is fine."""

    instance: str
    databases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PutReplications:
    """kanto's documents for these replications are in the source's `_replicator`.

    Safe to repeat: the same identity, so the checkpoint stays; at worst a replication that runs starts once more.
    """

    instance: str
    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class DeleteReplications:
    """kanto's documents for these are gone. Safe to repeat: only documents with kanto's own ids are touched."""

    instance: str
    unwanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class PutFills:
    """One-shot documents on `instance` pull these databases from `source`. Safe to repeat: one that exists goes on."""

    instance: str
    source: str
    databases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeleteFills:
    """kanto's one-shot documents on this instance are gone. Safe to repeat: deleting nothing is fine."""

    instance: str


@dataclass(frozen=True, slots=True)
class Serve:
    """Exactly these instances are behind the endpoint. Safe to repeat: it states the whole set."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fence:
    """The instance refuses every write of users.

    Safe to repeat: each call goes on from where the last one stopped, and one that stands with this nonce is left.
    """

    instance: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Unfence:
    """The instance takes its users again. Safe to repeat: what is not fenced is left as it is."""

    instance: str


@dataclass(frozen=True, slots=True)
class Drain:
    """One bounded piece of bringing all that a fenced leaver holds to a survivor, and of proving it.

    Safe to repeat: one-shots that run go on, and a proof is gone on with or begun anew.
    """

    instance: str
    identity: str
    target: str
    proofs: tuple[Proof, ...]


@dataclass(frozen=True, slots=True)
class Retire:
    """Look again that the proof stands, then remove the instance and its data, by identity.

    Safe to repeat: nothing is done to another identity under the same name. `is_forced` leaves the proof out: a user's
    word (`force=1`), given for what cannot be proved. So does `is_begun`: it was proved before it began.
    """

    instance: str
    identity: str
    nonce: str
    targets: tuple[str, ...]
    proofs: tuple[Proof, ...]
    is_forced: bool = False
    is_begun: bool = False


@dataclass(frozen=True, slots=True)
class Remove:
    """Everything of the cluster goes. Safe to repeat: it works from every half-made state, on this incarnation only."""


Action = (
    Provision
    | CreateDatabases
    | DropDatabases
    | PutSecurity
    | PutLogin
    | PutReplications
    | DeleteReplications
    | PutFills
    | DeleteFills
    | Serve
    | Fence
    | Unfence
    | Drain
    | Retire
    | Remove
)


Write = CreateDatabases | PutSecurity | PutLogin | PutReplications | PutFills
"""What brings data, documents or settings to one instance, and so fails where its disk is full."""


@dataclass(frozen=True, slots=True)
class Unproved:
    """Retire looked once more, and the proof does not stand: why not, in words."""

    why: str


Fact = Drained | Unproved
"""What an action can bring back for `decide` to remember."""


@dataclass(frozen=True, slots=True)
class Apply:
    """Do these, in this order (those of one kind side by side), then look again."""

    actions: tuple[Action, ...]
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until` (Unix seconds) but to look again.

    `reasons` say what for, the first being the main one.
    """

    reasons: tuple[Reason, ...]
    until: float


@dataclass(frozen=True, slots=True)
class Done:
    """No difference is left between spec and observed; `status` is `ready`, or `deleting` when nothing of it is left.

    Whatever else is worth saying without being a difference (data_lost) is in `reasons`, and makes the status degraded.
    """

    status: Status
    reasons: tuple[Reason, ...] = ()


Plan = Apply | Wait | Done
