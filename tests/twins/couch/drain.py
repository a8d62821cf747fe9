"""Draining and proving between servers in memory, by the same order as over HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tests.twins.couch.world import DEFAULT_SECURITY, Database, Server
from worker.core.observed import Drained, Instance, Proof
from worker.couch.documents import build_pull, fill_id, has_ended
from worker.couch.holdings import NOT_DATA
from worker.couch.proof import whole_targets
from worker.ports import Credentials


@dataclass(frozen=True)
class Link:
    """From which server, known as which instance, to which."""

    source: Server
    survivor: Server
    leaver: Instance
    target: Instance
    credentials: Credentials


class Piece:
    """One call's work: a page of each database, and a pull where the page shows that something is missing."""

    def __init__(self, link: Link, page: int) -> None:
        self.source, self.survivor = link.source, link.survivor
        self.leaver, self.target = link.leaver, link.target
        self.credentials = link.credentials
        self.page = page
        self.waits: list[str] = []

    def drain(self, proofs: Sequence[Proof]) -> Drained:
        given = {proof.database: proof for proof in proofs if proof.target == self.target.name}
        databases = to_give(self.source)
        for database in databases:
            self._make(database)
        after = tuple(self._go_on(database, given.get(database)) for database in databases)
        return Drained(databases, after, tuple(self.waits))

    def _make(self, database: str) -> None:
        self.survivor.create(database, is_partitioned=self.source.databases[database].is_partitioned)
        made = self.survivor.databases[database]
        if made.security == DEFAULT_SECURITY and database != "_users":
            made.security = self.source.databases[database].security

    def _go_on(self, database: str, proof: Proof | None) -> Proof:
        mine, theirs = self.source.databases[database], self.survivor.databases[database]
        if proof is None or not is_of(proof, mine, self.survivor):
            who = (self.target.name, self.survivor.uuid, mine.created, theirs.created)
            proof = Proof(database, *who, total=len({revision.doc_id for revision in mine.revisions}))
        if proof.is_complete:
            return proof
        document = self.survivor.documents.get(fill_id(database, self.leaver.name))
        if document is not None and not has_ended(document):
            self.waits.append(f"{database} is on its way to {self.target.name}")
            job = self.survivor.jobs.get(document["_id"])
            if job is not None and job.state == "crashing":
                self._pull(database)
            return proof
        proof = next_page(proof, mine, theirs, self.page)
        if proof.missing:
            self.waits.append(f"{database}: {proof.missing} documents are not on {self.target.name} yet")
            self._pull(database)
        elif not proof.is_complete:
            self.waits.append(f"{database}: more to look at")
        return proof

    def _pull(self, database: str) -> None:
        found = self.survivor.documents.get(fill_id(database, self.leaver.name))
        self.survivor.put_document(build_pull(database, self.leaver, self.target, self.credentials, found))


def to_give(server: Server) -> tuple[str, ...]:
    return tuple(sorted(set(server.databases) - NOT_DATA))


def is_of(proof: Proof, mine: Database, survivor: Server) -> bool:
    theirs = survivor.databases.get(proof.database)
    return theirs is not None and (proof.target_uuid, proof.source_start, proof.target_start) == (
        survivor.uuid,
        mine.created,
        theirs.created,
    )


def next_page(proof: Proof, mine: Database, theirs: Database, page: int) -> Proof:
    waiting = mine.since(int(proof.since))
    looked_at = waiting[:page]
    missing = {revision.doc_id for _, revision in looked_at if revision not in theirs.revisions}
    if missing:
        return replace(proof, missing=len(missing), is_complete=False)
    return replace(
        proof,
        since=str(looked_at[-1][0]) if looked_at else proof.since,
        documents=proof.documents + len({revision.doc_id for _, revision in looked_at}),
        missing=0,
        is_complete=len(looked_at) == len(waiting),
    )


def verify(leaver: Server, nonce: str, proofs: Sequence[Proof], survivors: Mapping[str, Server]) -> str | None:
    if leaver.fenced != nonce or leaver.walls != nonce:
        return "the fence does not stand"
    databases = to_give(leaver)
    counting = whole_targets(proofs, databases) & set(survivors)
    if not counting:
        return f"no survivor is proved to have all ({', '.join(databases)})"
    for proof in proofs:
        if proof.target not in counting or proof.database not in databases:
            continue
        mine = leaver.databases[proof.database]
        if not is_of(proof, mine, survivors[proof.target]):
            return f"{proof.database} on {proof.target}: the data are others than those of the proof"
        if mine.since(int(proof.since)):
            return f"{proof.database} on {proof.target}: something came after the proof"
    return None
