"""Brings what a fenced leaver holds to a survivor and proves it, piece by piece (hazards H12, H13, H15).

For each database: prove; where the survivor lacks something, let it pull the database once, and go on with the proof.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from common.errors import KantoError
from worker.core.observed import Drained, Fill, Proof
from worker.couch import proof as proving
from worker.couch import replicator
from worker.couch.client import Talk
from worker.couch.documents import Document, build_pull, database_path, fill_id
from worker.couch.holdings import Holdings, read_holdings
from worker.couch.look import read_rows, read_security
from worker.couch.making import make
from worker.couch.reports import read_fills

DEFAULT_SECURITY = '{"admins":{"roles":["_admin"]},"members":{"roles":["_admin"]}}'
"""What CouchDB 3.x gives a new database."""


def drain(leaver: Talk, survivor: Talk, proofs: Sequence[Proof], *, until: float) -> Drained:
    """One piece, begun before `until` on the client's clock; the requests themselves end by the talks' own deadline.

    An instance that fails once the leaver's databases are known is told in `waits`, so that what was proved before is
    not lost. Proofs that could not be compared with the survivor's data are given back as they came.
    """
    mine = read_holdings(leaver)
    work = Piece(leaver, survivor, mine, until)
    work.keep(proofs)
    try:
        work.compare(read_holdings(survivor))
        work.make_databases()
        work.prove()
    except KantoError as error:
        work.waits.append(error.message)
    return Drained(
        databases=mine.to_give,
        proofs=tuple(work.proofs[database] for database in sorted(work.proofs)),
        waits=tuple(work.waits),
    )


class Piece:
    """The work of one call."""

    def __init__(self, leaver: Talk, survivor: Talk, mine: Holdings, until: float) -> None:
        self.leaver = leaver
        self.survivor = survivor
        self.mine = mine
        self.until = until
        self.theirs = mine
        self.proofs: dict[str, Proof] = {}
        self.waits: list[str] = []

    @property
    def is_time_left(self) -> bool:
        return self.survivor.client.monotonic() < self.until

    def keep(self, proofs: Sequence[Proof]) -> None:
        """Those of earlier pieces for this survivor."""
        name, databases = self.survivor.instance.name, self.mine.to_give
        self.proofs = {p.database: p for p in proofs if p.target == name and p.database in databases}

    def compare(self, theirs: Holdings) -> None:
        """Only the proofs that still speak of the same data are gone on with."""
        self.theirs = theirs
        self.proofs = {d: proof for d, proof in self.proofs.items() if proving.is_of(proof, self.mine, theirs)}

    def make_databases(self) -> None:
        """Each database without a proof exists on the survivor, with the leaver's `_security` where its own is new.

        A proof is begun of those alone that were reached in time: one that is there already may be of a piece that was
        cut before it gave the rights, and once it is proved nobody would look at them again.
        """
        reached = []
        for database in self.mine.to_give:
            if database in self.proofs:
                continue
            if not self.is_time_left:
                break
            if database not in self.theirs.starts:
                make(self.survivor, database, self.mine.options[database])
            self._give_security(database)
            reached.append(database)
        if any(database not in self.theirs.starts for database in reached):
            self.theirs = read_holdings(self.survivor)
        for database in reached:
            if database in self.theirs.starts:
                self.proofs[database] = proving.begin(database, self.survivor.instance.name, self.mine, self.theirs)

    def _give_security(self, database: str) -> None:
        if database == "_users" or read_security(self.survivor, database) != DEFAULT_SECURITY:
            return
        wanted = self.leaver.get(f"/{database_path(database)}/_security").body
        self.survivor.put(f"/{database_path(database)}/_security", wanted, accept=(200,))

    def prove(self) -> None:
        """Prove what is not under way; let the survivor pull what it lacks, or pull again what backs off."""
        fills = {fill.database: fill for fill in self._read_fills()}
        lacking = [
            database
            for database in sorted(self.proofs)
            if not self.proofs[database].is_complete and self._needs_pull(database, fills.get(database))
        ]
        pulls = {fill_id(database, self.leaver.instance.name): self._pull(database) for database in lacking}
        replicator.rewrite(self.survivor, pulls)

    def _needs_pull(self, database: str, fill: Fill | None) -> bool:
        """Go on with one database, and say what it waits for."""
        name = self.survivor.instance.name
        if fill is not None and fill.state not in ("completed", "failed"):
            why = f" ({fill.error})" if fill.error else ""
            copied = f", {fill.written} documents copied" if fill.written else ""
            self.waits.append(f"{database} is on its way to {name}: {fill.state}{copied}{why}")
            return fill.state in ("crashing", "error")
        if self._prove(database):
            return False
        proof = self.proofs[database]
        if not proof.missing:
            self.waits.append(f"{database}: {proof.documents} of {proof.total} documents are proved to be on {name}")
            return False
        refused = f"; it refused {fill.refused}" if fill is not None and fill.refused else ""
        self.waits.append(f"{database}: {proof.missing} documents are not on {name} yet{refused}")
        return True

    def _prove(self, database: str) -> bool:
        """One page, while there is time, since what a piece has proved is kept at its end. Whether it is complete."""
        if self.is_time_left:
            self.proofs[database] = proving.next_page(self.proofs[database], self.leaver, self.survivor)
        return self.proofs[database].is_complete

    def _pull(self, database: str) -> replicator.Change:
        """A one-shot document, written so that it starts at once."""
        leaver, survivor = self.leaver.instance, self.survivor.instance

        def change(found: Mapping[str, Any] | None) -> Document:
            return build_pull(database, leaver, survivor, self.survivor.credentials, found)

        return change

    def _read_fills(self) -> tuple[Fill, ...]:
        ids = [fill_id(database, self.leaver.instance.name) for database in self.proofs]
        documents = replicator.read(self.survivor, ids)
        rows = read_rows(self.survivor) if documents else {}
        siblings = (self.leaver.instance, self.survivor.instance)
        return read_fills(documents.values(), rows, self.survivor.instance, siblings, self.survivor.credentials)
