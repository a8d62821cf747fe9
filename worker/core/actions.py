"""What a plan can hold. Each action is one idempotent call, and says why it is safe to repeat."""

from dataclasses import dataclass

from common.view import Reason, Status
from worker.core.ring import Wanted


@dataclass(frozen=True, slots=True)
class Provision:
    """Whatever the spec needs exists, and every instance in `keep`.

    Safe to repeat: it makes what is missing, removes nothing.
    """

    keep: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreateDatabases:
    """These databases exist on this instance. Safe to repeat: one that exists is left as it is."""

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
class Remove:
    """Everything of the cluster goes. Safe to repeat: it works from every half-made state, on this incarnation only."""


Action = Provision | CreateDatabases | PutReplications | DeleteReplications | PutFills | DeleteFills | Serve | Remove


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
