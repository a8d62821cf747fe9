import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.core.observed import Instance
from worker.couch.documents import (
    FIRST_ID,
    LAST_ID,
    Document,
    build_fill,
    build_pull,
    build_replication,
    database_path,
    fill_id,
    has_ended,
    is_sound,
    kick,
    parse_fill_id,
    parse_replication_id,
    replication_id,
)
from worker.ports import Credentials

LOGIN = Credentials("kanto", "pw")
BASIC = {"basic": {"username": "kanto", "password": "pw"}}

databases = st.from_regex(r"[a-z][a-z0-9_$()+/-]{0,20}|_users", fullmatch=True)
names = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)


def instance(name: str, *, loopback: str = "") -> Instance:
    address = f"http://{name}:5984/"
    return Instance(name, f"id of {name}", address, address, "running", serving=True, loopback=loopback)


def replication() -> Document:
    return build_replication("a/b", instance("x"), instance("y"), LOGIN)


def test_a_replication_is_the_document_of_the_design() -> None:
    assert replication() == {
        "_id": "kanto:a/b:y",
        "source": {"url": "http://x:5984/a%2Fb", "auth": BASIC, "headers": {"X-Kanto": "ring"}},
        "target": {"url": "http://y:5984/a%2Fb", "auth": BASIC},
        "continuous": True,
        "retries_per_request": 5,
    }


def test_a_fill_pulls_once_and_has_a_replication_id_of_its_own() -> None:
    document = build_fill("_users", instance("x"), instance("y"), LOGIN)
    assert document["_id"] == "kanto-drain:_users:x"
    assert document["source"]["url"] == "http://x:5984/_users"
    assert document["target"]["url"] == "http://y:5984/_users"
    assert document["source"]["headers"] != replication()["source"]["headers"]
    assert "continuous" not in document


def test_what_offers_all_again_is_another_replication_and_leaves_no_checkpoint() -> None:
    source, receiver = instance("x"), instance("y")
    first = build_fill("one", source, receiver, LOGIN)
    again = build_fill("one", source, receiver, LOGIN, again=True)
    assert again["_id"] == first["_id"]
    assert again["source"]["headers"] != first["source"]["headers"]
    assert again["use_checkpoints"] is False
    assert "use_checkpoints" not in first


@pytest.mark.parametrize(("state", "again"), [(None, False), ("failed", False), ("completed", True)])
def test_a_pull_offers_all_again_only_where_one_before_is_complete(state: str | None, again: bool) -> None:
    source, receiver = instance("x"), instance("y")
    found = {**build_fill("one", source, receiver, LOGIN), "_replication_state": state}
    written = build_pull("one", source, receiver, LOGIN, found)
    assert is_sound(written, build_fill("one", source, receiver, LOGIN, again=again))
    assert written["retries_per_request"] != found["retries_per_request"]


def test_the_document_uses_the_loopback_of_the_instance_that_keeps_it() -> None:
    source, target = instance("x", loopback="http://127.0.0.1:5984"), instance("y", loopback="http://127.0.0.1:5984")
    document = build_replication("one", source, target, LOGIN)
    assert document["source"]["url"] == "http://127.0.0.1:5984/one"
    assert document["target"]["url"] == "http://y:5984/one"
    fill = build_fill("one", source, target, LOGIN)
    assert fill["source"]["url"] == "http://x:5984/one"
    assert fill["target"]["url"] == "http://127.0.0.1:5984/one"


@given(databases, names)
def test_an_id_has_one_reading(database: str, name: str) -> None:
    assert parse_replication_id(replication_id(database, name)) == (database, name)
    assert parse_fill_id(fill_id(database, name)) == (database, name)
    assert parse_fill_id(replication_id(database, name)) is None
    assert parse_replication_id(fill_id(database, name)) is None


@given(databases, names)
def test_every_id_of_kantos_lies_in_the_span_that_is_read(database: str, name: str) -> None:
    assert FIRST_ID <= replication_id(database, name) <= LAST_ID
    assert FIRST_ID <= fill_id(database, name) <= LAST_ID


@pytest.mark.parametrize(
    "doc_id", ["kanto", "kanto:", "kanto:x", "kanto::y", "kanto:x:", "kanto:x:y:z", "mine", "kanto-x:y"]
)
def test_other_ids_are_not_kantos(doc_id: str) -> None:
    assert parse_replication_id(doc_id) is None
    assert parse_fill_id(doc_id) is None


@given(databases)
def test_a_database_is_one_segment_of_a_path(database: str) -> None:
    assert "/" not in database_path(database)
    assert "+" not in database_path(database)


def test_what_the_server_adds_is_no_difference() -> None:
    added = {"_id": "i", "_rev": "1-a", "owner": "kanto", "_replication_state": "failed", "_replication_stats": {}}
    assert is_sound({**replication(), **added, "retries_per_request": 6}, replication())


@pytest.mark.parametrize(
    "change",
    [
        {"continuous": False},
        {"retries_per_request": 7},
        {"retries_per_request": None},
        {"selector": {}},
        {"source": {"url": "http://x:5984/a%2Fb", "auth": BASIC}},
        {"target": {"url": "http://z:5984/a%2Fb", "auth": BASIC}},
    ],
)
def test_any_other_difference_is_unsound(change: Document) -> None:
    assert not is_sound({**replication(), **change}, replication())


def test_every_kick_differs_from_what_is_there_and_is_sound() -> None:
    found = kick(replication(), None)
    for _ in range(3):
        kicked = kick(replication(), found)
        assert kicked["retries_per_request"] != found["retries_per_request"]
        assert is_sound(kicked, replication())
        found = kicked


@pytest.mark.parametrize(
    ("state", "ended"), [("completed", True), ("failed", True), ("triggered", False), (None, False)]
)
def test_only_final_states_end_a_document(state: str | None, ended: bool) -> None:
    assert has_ended({"_replication_state": state}) is ended
