"""Draining a leaver to a survivor, the proof, and the last look before it may go (hazards H11 to H13, H15)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from common.errors import TemporaryError
from worker.core.observed import Node, Proof

from .rings import Ring, nodes
from .test_fence import NONCE, fence_on

ALL = {f"d{n:02}" for n in range(25)}
SECURITY = '{"admins":{},"members":{"names":["ann"]}}'


@pytest.fixture
def leaving(ring: Ring) -> Ring:
    """cdb-0 has what nobody else has, and is fenced."""
    leaver = ring.instances[0]
    ring.couch.create_databases(leaver, ["one", "a/b"], ring.credentials)
    ring.couch.put_security(leaver, {"a/b": SECURITY}, ring.credentials)
    ring.partition("cdb-0", "parts")
    assert ring.write("cdb-0", "parts", "p:x")
    for n in range(25):
        assert ring.write("cdb-0", "one", f"d{n:02}")
    assert ring.write("cdb-0", "a/b", "x")
    fence_on(ring)
    return ring


def drain_to(ring: Ring, name: str, proofs: Sequence[Proof] = ()) -> tuple[Proof, ...]:
    """As steps do it: one piece after another with the proofs of the last."""
    kept = tuple(proofs)
    target = next(i for i in ring.instances if i.name == name)

    def is_proved() -> bool:
        nonlocal kept
        piece = ring.couch.drain(ring.instances[0], target, kept, ring.credentials, seconds=2.0)
        kept = piece.proofs
        return not piece.waits and {p.database for p in kept if p.is_complete} == set(piece.databases)

    ring.until(is_proved, f"all is proved to be on {name}")
    return kept


def verify(ring: Ring, proofs: Sequence[Proof], *, nonce: str = NONCE) -> str | None:
    return ring.couch.verify(ring.instances[0], nonce, proofs, ring.instances[1:], ring.credentials)


def test_all_databases_of_a_leaver_end_on_the_survivor_with_their_rights_and_options(leaving: Ring) -> None:
    proofs = drain_to(leaving, "cdb-1")
    assert {proof.database for proof in proofs} == {"one", "a/b", "parts", "_users"}
    assert leaving.ids("cdb-1", "parts") == {"p:x"}
    assert leaving.is_partitioned("cdb-1", "parts")
    assert leaving.ids("cdb-1", "one") == {f"d{n:02}" for n in range(25)}
    assert leaving.ids("cdb-1", "a/b") == {"x"}
    seen = leaving.couch.observe(leaving.instances, leaving.credentials, ["a/b"])["cdb-1"]
    assert isinstance(seen, Node)
    assert seen.security == {"a/b": SECURITY}


def test_a_proof_names_its_target_and_counts_what_was_looked_at(leaving: Ring) -> None:
    by_database = {proof.database: proof for proof in drain_to(leaving, "cdb-1")}
    assert by_database["one"].documents == 25
    assert by_database["one"].target == "cdb-1"
    assert by_database["one"].target_uuid == nodes(leaving)["cdb-1"].uuid


def test_nothing_is_pulled_where_nothing_is_missing(leaving: Ring) -> None:
    drain_to(leaving, "cdb-1")
    leaving.couch.delete_fills(leaving.instances[1], leaving.credentials)
    drain_to(leaving, "cdb-1")
    assert nodes(leaving)["cdb-1"].fills == ()


def test_a_proved_leaver_may_go(leaving: Ring) -> None:
    proofs = [*drain_to(leaving, "cdb-1"), *drain_to(leaving, "cdb-2")]
    assert verify(leaving, proofs) is None


def test_what_lacks_a_proof_may_not_go(leaving: Ring) -> None:
    proofs = drain_to(leaving, "cdb-1")
    assert verify(leaving, ()) is not None
    why = verify(leaving, [proof for proof in proofs if proof.database != "one"])
    assert why is not None
    assert "one" in why


def test_a_survivor_that_is_proved_in_part_neither_counts_nor_stands_in_the_way(leaving: Ring) -> None:
    whole, part = drain_to(leaving, "cdb-1"), drain_to(leaving, "cdb-2")[:1]
    leaving.stop("cdb-2")
    assert verify(leaving, [*whole, *part]) is None
    assert verify(leaving, part) is not None


def test_every_survivor_that_is_proved_must_still_hold_it_all(leaving: Ring) -> None:
    proofs = [*drain_to(leaving, "cdb-1"), *drain_to(leaving, "cdb-2")]
    leaving.replace("cdb-2")
    assert verify(leaving, proofs) is not None


def test_a_pull_that_backs_off_is_started_again(leaving: Ring) -> None:
    leaving.couch.create_databases(leaving.instances[1], ["one"], leaving.credentials)
    leaving.stop("cdb-0")
    leaving.couch.put_fills(leaving.instances[1], leaving.instances[0], ["one"], leaving.credentials)
    leaving.until(lambda: [f.state for f in nodes(leaving)["cdb-1"].fills] == ["crashing"], "the pull crashes")
    leaving.start("cdb-0")
    leaving.until(lambda: "cdb-0" in nodes(leaving), "the leaver is back")
    drain_to(leaving, "cdb-1")


def test_what_was_refused_is_offered_again_and_arrives_once_it_is_taken(leaving: Ring) -> None:
    """A replication passes over it for good; the proof then finds it missing, and all is offered once more."""
    leaver, survivor = leaving.instances[:2]
    leaving.couch.create_databases(survivor, ["one"], leaving.credentials)
    leaving.refuse("cdb-1", "one", "d07")
    proofs: tuple[Proof, ...] = ()

    def is_refused() -> bool:
        """Looked for first: the next piece writes the pull anew."""
        nonlocal proofs
        if any(fill.refused for fill in nodes(leaving)["cdb-1"].fills if fill.database == "one"):
            return True
        proofs = leaving.couch.drain(leaver, survivor, proofs, leaving.credentials, seconds=2.0).proofs
        return False

    leaving.until(is_refused, "the document is refused")
    assert leaving.ids("cdb-1", "one") & ALL == ALL - {"d07"}
    proofs = leaving.couch.drain(leaver, survivor, proofs, leaving.credentials, seconds=2.0).proofs
    leaving.until(is_refused, "it is offered again, and refused again")
    assert verify(leaving, proofs) is not None
    leaving.refuse("cdb-1", "one", None)
    proofs = drain_to(leaving, "cdb-1", proofs)
    assert leaving.ids("cdb-1", "one") >= ALL
    assert verify(leaving, proofs) is None


def test_draining_a_leaver_that_is_away_raises_temporary_error(leaving: Ring) -> None:
    leaving.stop("cdb-0")
    with pytest.raises(TemporaryError):
        leaving.couch.drain(leaving.instances[0], leaving.instances[1], (), leaving.credentials, seconds=1.0)


def test_a_proof_that_is_not_complete_proves_nothing(leaving: Ring) -> None:
    proofs = [replace(proof, is_complete=False) for proof in drain_to(leaving, "cdb-1")]
    assert verify(leaving, proofs) is not None


def test_without_this_fence_it_may_not_go(leaving: Ring) -> None:
    proofs = drain_to(leaving, "cdb-1")
    assert verify(leaving, proofs, nonce="another") is not None
    leaving.couch.unfence(leaving.instances[0], leaving.credentials)
    assert verify(leaving, proofs) is not None


def test_what_came_after_the_proof_keeps_it(leaving: Ring) -> None:
    proofs = drain_to(leaving, "cdb-1")
    leaving.couch.unfence(leaving.instances[0], leaving.credentials)
    assert leaving.write("cdb-0", "one", "late")
    fence_on(leaving)
    why = verify(leaving, proofs)
    assert why is not None
    assert "after" in why


def test_a_survivor_with_other_data_makes_the_proof_worthless(leaving: Ring) -> None:
    proofs = drain_to(leaving, "cdb-1")
    leaving.replace("cdb-1")
    why = verify(leaving, proofs)
    assert why is not None
    assert "others" in why
    again = drain_to(leaving, "cdb-1", proofs)
    assert verify(leaving, again) is None
    assert leaving.ids("cdb-1", "one") == {f"d{n:02}" for n in range(25)}


def test_a_proof_goes_on_where_another_left_it(leaving: Ring) -> None:
    done = drain_to(leaving, "cdb-1")
    kept = tuple(replace(proof, is_complete=False) for proof in done)
    again = drain_to(leaving, "cdb-1", kept)
    assert {p.database: p.documents for p in again} == {p.database: p.documents for p in done}


def test_a_piece_without_time_loses_nothing(leaving: Ring) -> None:
    done = drain_to(leaving, "cdb-1")
    piece = leaving.couch.drain(leaving.instances[0], leaving.instances[1], done, leaving.credentials, seconds=1.0)
    assert piece.proofs == done


def users_document(doc_id: str, **more: Any) -> dict[str, Any]:
    return {"_id": doc_id, "source": "http://127.0.0.1:9/a", "target": "http://127.0.0.1:9/b", **more}


def test_users_replications_are_copied_and_kantos_are_not(leaving: Ring) -> None:
    leaving.put_document("cdb-0", users_document("mine/1", continuous=True))
    leaving.couch.put_fills(leaving.instances[0], leaving.instances[1], ["one"], leaving.credentials)
    for _ in range(2):
        refused = leaving.couch.copy_user_replications(leaving.instances[0], leaving.instances[1], leaving.credentials)
        assert refused == ()
    copied = leaving.document("cdb-1", "mine/1")
    assert copied is not None
    assert copied["continuous"] is True
    assert nodes(leaving)["cdb-1"].fills == ()


def test_a_users_replication_whose_id_is_taken_is_told_and_not_overwritten(leaving: Ring) -> None:
    leaving.put_document("cdb-0", users_document("mine", continuous=True))
    leaving.put_document("cdb-1", users_document("mine", continuous=False))
    assert leaving.couch.copy_user_replications(leaving.instances[0], leaving.instances[1], leaving.credentials) == (
        "mine",
    )
    kept = leaving.document("cdb-1", "mine")
    assert kept is not None
    assert kept["continuous"] is False
