"""Proves, a page at a time, that a survivor holds every revision of a leaver's database (hazards H11, H12).

A page of the leaver's changes gives all leaf revisions, tombstones and conflicts too; `_revs_diff` on the survivor
names those it lacks. Sequences are opaque: they are only handed back to the server that gave them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from worker.core.observed import Fence, Proof
from worker.couch.client import Talk
from worker.couch.documents import database_path
from worker.couch.fence import read_config
from worker.couch.fence_config import read_fence
from worker.couch.holdings import Holdings, read_holdings

PAGE = 2_000
"""Documents looked at in one go: some 70 ms of a CouchDB 3.5.0 on two busy cores, and a few hundred KB of memory."""


def begin(database: str, target: str, leaver: Holdings, survivor: Holdings) -> Proof:
    """A proof of which nothing is done yet."""
    return Proof(
        database=database,
        target=target,
        target_uuid=survivor.uuid,
        source_start=leaver.starts[database],
        target_start=survivor.starts[database],
        total=leaver.documents.get(database, 0),
    )


def is_of(proof: Proof, leaver: Holdings, survivor: Holdings) -> bool:
    """Whether the proof speaks of the data that are there now."""
    return (proof.target_uuid, proof.source_start, proof.target_start) == (
        survivor.uuid,
        leaver.starts.get(proof.database),
        survivor.starts.get(proof.database),
    )


def next_page(proof: Proof, leaver: Talk, survivor: Talk, page: int = PAGE) -> Proof:
    """The proof one page on; with `missing` and no step on where the survivor lacks something of the page."""
    path = f"/{database_path(proof.database)}"
    span = {"style": "all_docs", "since": proof.since, "limit": str(page)}
    changes = leaver.get(f"{path}/_changes", params=span).body
    leaves = {row["id"]: [change["rev"] for change in row["changes"]] for row in changes["results"]}
    lacking = survivor.post(f"{path}/_revs_diff", leaves, accept=(200,)).body if leaves else {}
    if lacking:
        return replace(proof, missing=len(lacking), is_complete=False)
    return replace(
        proof,
        since=changes["last_seq"],
        documents=proof.documents + len(leaves),
        missing=0,
        is_complete=changes["pending"] == 0,
    )


def has_nothing_since(talk: Talk, proof: Proof) -> bool:
    """Whether the leaver's database has not changed since the proof."""
    span = {"since": proof.since, "limit": "1"}
    changes = talk.get(f"/{database_path(proof.database)}/_changes", params=span).body
    return not changes["results"] and changes["pending"] == 0


def verify(leaver: Talk, nonce: str, proofs: Sequence[Proof], targets: Sequence[Talk]) -> str | None:
    """None when the leaver may go, else why not.

    Only a target on which every database is proved to the end counts; one at least must, and whatever is proved on
    those that count must hold.
    """
    name = leaver.instance.name
    if read_fence(read_config(leaver), leaver.credentials) != Fence(nonce):
        return f"the fence of {name} does not stand"
    mine = read_holdings(leaver)
    whole = whole_targets(proofs, mine.to_give)
    counting = [talk for talk in targets if talk.instance.name in whole]
    if not counting:
        return f"no survivor is proved to have all that {name} has ({', '.join(mine.to_give)})"
    for talk in counting:
        why = _verify_on(talk, leaver, mine, proofs)
        if why is not None:
            return why
    return None


def whole_targets(proofs: Iterable[Proof], databases: Iterable[str]) -> frozenset[str]:
    """The targets with a complete proof of every database."""
    complete = {(proof.target, proof.database) for proof in proofs if proof.is_complete and not proof.missing}
    targets = {target for target, _ in complete}
    return frozenset(t for t in targets if all((t, database) in complete for database in databases))


def _verify_on(survivor: Talk, leaver: Talk, mine: Holdings, proofs: Iterable[Proof]) -> str | None:
    theirs = read_holdings(survivor)
    for proof in proofs:
        if proof.target != survivor.instance.name or proof.database not in mine.to_give:
            continue
        what = f"{proof.database} of {leaver.instance.name} on {proof.target}"
        if not is_of(proof, mine, theirs):
            return f"{what}: the data are others than those of the proof"
        if not has_nothing_since(leaver, proof):
            return f"{what}: something came after the proof"
    return None
