"""What the engine needs from outside, as protocols. Each has one contract suite that all its implementations pass."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from common.cluster import ClusterSpec, MirrorRecord
from common.store.port import Store
from common.view import ConflictCount
from worker.core.observed import Down, Drained, Instance, Node, Platformed, Proof, Unknown
from worker.core.ring import Wanted

__all__ = ["Clock", "Couch", "Credentials", "Platform", "Store"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """kanto's own admin in the instances of one cluster, made once before the first of them (hazards H26)."""

    name: str
    password: str = field(repr=False)


class Platform(Protocol):
    """Where instances run. Calls may be repeated at any time, from any worker; every write names a fencing number.

    A write with a fencing number below the anchor's raises LeaseLost (hazards H18). What is away or slow raises
    TemporaryError, what only a person can mend PermanentError.
    """

    def observe(self, spec: ClusterSpec) -> Platformed | Unknown:
        """What is there now; an empty Platformed when there is nothing. Never raises for a platform that is away."""
        ...

    def credentials(self, spec: ClusterSpec) -> Credentials | Unknown:
        """kanto's admin for this cluster; Unknown before `provision` made it or when it cannot be read."""
        ...

    def claim(self, spec: ClusterSpec, fence: int) -> None:
        """Make the cluster's anchor if the spec is not deleted, and raise its fencing number by compare-and-swap."""
        ...

    def mirror(self, record: MirrorRecord) -> None:
        """Keep the durable part of the cluster record in the anchor, before any effect of a spec (hazards H21, H25).

        OlderCopy, and nothing is written, when the anchor has a higher version of the same incarnation already;
        PermanentError `mirror_conflict` when it has another spec under this version.
        """
        ...

    def records(self) -> Iterable[MirrorRecord] | Unknown:
        """All mirrored records, complete, for a lost Redis; Unknown if any of them cannot be read (hazards H22)."""
        ...

    def provision(self, spec: ClusterSpec, keep: Sequence[str], fence: int) -> None:
        """Whatever the spec needs exists.

        `spec.replicas` instances at least, and every instance whose identity is in `keep`.

        Starts what is down with its data. Never removes an instance (hazards H1, H3). Returns before they are ready.
        """
        ...

    def serve(self, spec: ClusterSpec, names: Sequence[str], fence: int) -> None:
        """Exactly these instances are behind the endpoint; connections in flight to others may end."""
        ...

    def retire(self, spec: ClusterSpec, instance: Instance, fence: int) -> None:
        """Remove one instance and its data, by identity; nothing if another identity has its name (hazards H4).

        Where that takes longer than a call, or has to wait for another instance, it returns at once and is called again
        until the instance is gone. Once the removal has begun for good the instance is shown as `is_going`, with
        its data or without, until nothing of it is left: so a removal that a crash cut short is always ended.
        """
        ...

    def remove(self, spec: ClusterSpec, fence: int) -> None:
        """Remove everything of this cluster, in any half-made state; the mirror last.

        Nothing of another incarnation.
        """
        ...


class Couch(Protocol):
    """All that is said to CouchDB. Every call takes the instances it means and works on them in parallel."""

    def observe(
        self, instances: Sequence[Instance], credentials: Credentials, security: Collection[str] = ()
    ) -> Mapping[str, Node | Down | Unknown]:
        """Each instance's own answer by name; `instances` are all of the cluster, since links name siblings.

        `_security` costs a request a database, so only that of the databases in `security` is read.
        """
        ...

    def create_databases(
        self,
        instance: Instance,
        databases: Sequence[str],
        credentials: Credentials,
        *,
        like: Mapping[str, Instance] | None = None,
    ) -> None:
        """Each exists afterwards; those that do already are left as they are.

        `like`: the instance that has a database already, whose options (partitioned, shards) the new one gets. A
        database is not made, without an error, while that instance does not answer.
        """
        ...

    def drop_databases(self, instance: Instance, databases: Sequence[str], credentials: Credentials) -> None:
        """Each is gone afterwards with all that is in it; those that are not there stay so."""
        ...

    def count_conflicts(
        self, instance: Instance, databases: Sequence[str], credentials: Credentials, *, seconds: float
    ) -> tuple[ConflictCount, ...]:
        """One count for each database, in at most `seconds`, with bounded memory whatever the size. Changes nothing.

        What was not looked at to its end for want of time, or because the instance failed, is not complete.
        """
        ...

    def put_security(self, instance: Instance, security: Mapping[str, str], credentials: Credentials) -> None:
        """Set `_security` of each database to the canonical JSON given."""
        ...

    def put_login(self, instance: Instance, user: str, line: str, credentials: Credentials) -> None:
        """The admin of this name has this line, a hash as CouchDB keeps it, from now on and after a restart.

        Neither a restart nor a moment in which both the line of before and this one are refused. Nothing happens to an
        instance that is fenced, half or whole. A line that comes with a password other than before needs a salt of its
        own, or CouchDB goes on taking the old password from its memory of logins.
        """
        ...

    def put_replications(
        self, instance: Instance, wanted: Sequence[Wanted], siblings: Sequence[Instance], credentials: Credentials
    ) -> None:
        """kanto's documents for these are in the instance's `_replicator` as kanto would write them.

        One that is there already is written again with another tuning option, which starts it at once (a kick).
        """
        ...

    def delete_replications(self, instance: Instance, unwanted: Sequence[Wanted], credentials: Credentials) -> None:
        """kanto's documents for these are gone; users' own documents are never touched."""
        ...

    def put_fills(
        self, instance: Instance, source: Instance, databases: Sequence[str], credentials: Credentials
    ) -> None:
        """One-shot replication documents on `instance` that pull these databases from `source` (hazards H13).

        One that is under way goes on; one that has ended, well or not, is made anew.
        """
        ...

    def delete_fills(self, instance: Instance, credentials: Credentials) -> None:
        """kanto's one-shot documents on this instance are gone."""
        ...

    def fence(self, instance: Instance, nonce: str, credentials: Credentials) -> None:
        """Move the fence forward as far as one call can, in hazard H8's order.

        `observe` tells when it stands with this nonce.

        The instance restarts its server in the middle; the call does not wait for it but for a moment.
        """
        ...

    def unfence(self, instance: Instance, credentials: Credentials) -> None:
        """Undo a fence, whole or half-made, nonce first: all logins of before work again."""
        ...

    def drain(
        self, leaver: Instance, target: Instance, proofs: Sequence[Proof], credentials: Credentials, *, seconds: float
    ) -> Drained:
        """One piece, of at most `seconds`, of bringing all databases of a fenced leaver to a survivor and proving it.

        Makes what databases the target lacks, with the leaver's `_security`; puts one-shot documents on the target;
        goes on with the proof, a page at a time, of each that has completed. `proofs` are those of earlier pieces: each
        that still speaks of the same data is gone on with, the others begin anew. Bounded memory whatever the size
        (hazards H12, H13).
        """
        ...

    def verify(
        self,
        leaver: Instance,
        nonce: str,
        proofs: Sequence[Proof],
        targets: Sequence[Instance],
        credentials: Credentials,
    ) -> str | None:
        """None when the leaver may go; else why not, in words (hazards H11, H12).

        It may go when the fence stands with this nonce, every database of the leaver has a complete proof on one of the
        targets, nothing came since, and the target's data are those that the proof names. Where several targets have
        complete proofs of everything, all of these must hold; one that is away raises TemporaryError.
        """
        ...

    def copy_user_replications(self, leaver: Instance, target: Instance, credentials: Credentials) -> tuple[str, ...]:
        """Copy the users' own documents in `_replicator` (never kanto's).

        The ids that have another body there (hazards H15).
        """
        ...


class Clock(Protocol):
    """The only one that knows the time. Nothing sleeps: a step's waiting is a value."""

    def monotonic(self) -> float: ...
