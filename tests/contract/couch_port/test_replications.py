"""kanto's continuous documents: written, kicked, put back, deleted; and users' documents left alone."""

from typing import Any

import pytest

from common.errors import TemporaryError
from worker.core.observed import Replication
from worker.core.ring import Wanted

from .rings import Ring, nodes

LINK = Wanted("cdb-0", "cdb-1", "a/b")
ID = "kanto:a/b:cdb-1"


@pytest.fixture
def pair(ring: Ring) -> Ring:
    """A ring whose first two instances have the database."""
    for instance in ring.instances[:2]:
        ring.couch.create_databases(instance, ["a/b"], ring.credentials)
    return ring


def put(ring: Ring, *wanted: Wanted) -> None:
    ring.couch.put_replications(ring.instances[0], wanted or (LINK,), ring.instances, ring.credentials)


def found(ring: Ring) -> Replication:
    (replication,) = nodes(ring)["cdb-0"].replications
    return replication


def is_in_state(ring: Ring, state: str) -> bool:
    replications = nodes(ring)["cdb-0"].replications
    return bool(replications) and replications[0].state == state


def users_document(ring: Ring, doc_id: str, **more: Any) -> dict[str, Any]:
    login = {"auth": {"basic": {"username": ring.credentials.name, "password": ring.credentials.password}}}
    return {
        "_id": doc_id,
        "source": {"url": f"{ring.instances[0].address}/a%2Fb", **login},
        "target": {"url": f"{ring.instances[1].address}/a%2Fb", **login},
        "continuous": True,
        **more,
    }


def test_a_replication_runs_and_carries_what_is_written(pair: Ring) -> None:
    pair.write("cdb-0", "a/b", "before")
    put(pair)
    pair.until(lambda: pair.ids("cdb-1", "a/b") == {"before"}, "what was there arrives")
    pair.write("cdb-0", "a/b", "after")
    pair.until(lambda: "after" in pair.ids("cdb-1", "a/b"), "what comes later arrives")
    assert found(pair).is_sound
    assert found(pair).database == "a/b"
    assert found(pair).target == "cdb-1"


def test_a_sound_document_written_again_stays_sound_and_runs_on(pair: Ring) -> None:
    put(pair)
    pair.until(lambda: is_in_state(pair, "running"), "it runs")
    for _ in range(3):
        put(pair)
        assert found(pair).is_sound
    pair.until(lambda: is_in_state(pair, "running"), "it runs again")


def test_all_documents_of_an_instance_are_written_at_once(ring: Ring) -> None:
    names = [f"db{n}" for n in range(20)]
    for instance in ring.instances[:2]:
        ring.couch.create_databases(instance, names, ring.credentials)
    put(ring, *(Wanted("cdb-0", "cdb-1", name) for name in names))
    ring.until(lambda: [r.state for r in nodes(ring)["cdb-0"].replications] == ["running"] * 20, "all of them run")


def test_a_kick_restarts_what_backs_off(pair: Ring) -> None:
    pair.stop("cdb-1")
    put(pair)
    pair.until(lambda: is_in_state(pair, "crashing"), "it crashes")
    assert "connection refused" in found(pair).error
    pair.start("cdb-1")
    pair.until(lambda: "cdb-1" in nodes(pair), "the target is back")
    pair.write("cdb-0", "a/b", "late")
    put(pair)
    pair.until(lambda: is_in_state(pair, "running"), "the kick starts it")
    pair.until(lambda: pair.ids("cdb-1", "a/b") == {"late"}, "it carries on")


def test_one_that_has_not_reached_its_target_yet_does_not_run(pair: Ring) -> None:
    """CouchDB itself calls it running while it tries, for some seconds."""
    pair.write("cdb-0", "a/b", "waits")
    pair.stop("cdb-1")
    put(pair)
    seen = [found(pair).state]

    def has_crashed() -> bool:
        seen.append(found(pair).state)
        return seen[-1] == "crashing"

    pair.until(has_crashed, "it crashes")
    assert set(seen) == {"initializing", "crashing"}


def test_an_altered_document_is_unsound_and_is_put_back(pair: Ring) -> None:
    put(pair)
    document = pair.document("cdb-0", ID)
    assert document is not None
    pair.put_document("cdb-0", {**document, "target": {"url": f"{pair.instances[2].address}/a%2Fb"}})
    assert not found(pair).is_sound
    put(pair)
    assert found(pair).is_sound


@pytest.mark.parametrize("change", [{"continuous": False}, {"filter": "a/b"}, {"retries_per_request": 1}])
def test_every_change_that_matters_is_unsound(pair: Ring, change: dict[str, Any]) -> None:
    put(pair)
    document = pair.document("cdb-0", ID)
    assert document is not None
    pair.put_document("cdb-0", {**document, **change})
    assert not found(pair).is_sound


def test_a_document_for_an_instance_that_is_gone_is_unsound(pair: Ring) -> None:
    put(pair)
    node = pair.couch.observe(pair.instances[:1], pair.credentials)["cdb-0"]
    assert not node.replications[0].is_sound  # type: ignore[union-attr]


def test_a_failed_document_is_made_to_run_again(pair: Ring) -> None:
    put(pair)
    document = pair.document("cdb-0", ID)
    assert document is not None
    pair.put_document(
        "cdb-0", {**document, "_replication_state": "failed", "_replication_state_reason": "it had enough"}
    )
    pair.until(lambda: is_in_state(pair, "failed"), "it has failed")
    assert found(pair).error == "it had enough"
    put(pair)
    pair.until(lambda: is_in_state(pair, "running"), "it runs again")


def test_a_deleted_document_is_put_back(pair: Ring) -> None:
    put(pair)
    pair.couch.delete_replications(pair.instances[0], [LINK], pair.credentials)
    assert nodes(pair)["cdb-0"].replications == ()
    put(pair)
    pair.until(lambda: is_in_state(pair, "running"), "it runs again")


def test_deleting_ends_the_replication_and_may_be_repeated(pair: Ring) -> None:
    put(pair)
    pair.until(lambda: is_in_state(pair, "running"), "it runs")
    for _ in range(2):
        pair.couch.delete_replications(pair.instances[0], [LINK, Wanted("cdb-0", "cdb-9", "x")], pair.credentials)
    assert pair.document("cdb-0", ID) is None


def test_users_documents_are_never_touched_or_shown(pair: Ring) -> None:
    for doc_id in ("mine", "kanto", "kanto-mine", "kanto:not kanto's"):
        pair.put_document("cdb-0", users_document(pair, doc_id, doc_ids=[doc_id]))
    before = {i: pair.document("cdb-0", i) for i in ("mine", "kanto", "kanto-mine", "kanto:not kanto's")}
    put(pair)
    pair.couch.delete_replications(pair.instances[0], [LINK], pair.credentials)
    pair.couch.delete_fills(pair.instances[0], pair.credentials)
    assert nodes(pair)["cdb-0"].replications == ()
    after = {i: pair.document("cdb-0", i) for i in before}
    assert after == before
    assert all(after.values())


def test_a_users_document_for_the_same_link_is_not_in_the_way(pair: Ring) -> None:
    pair.put_document("cdb-0", users_document(pair, "mine"))
    put(pair)
    pair.until(lambda: is_in_state(pair, "running"), "kanto's runs beside the user's")
    pair.write("cdb-0", "a/b", "a")
    pair.until(lambda: pair.ids("cdb-1", "a/b") == {"a"}, "the document arrives")


def test_a_missing_database_on_the_target_is_said_in_plain_words(pair: Ring) -> None:
    pair.couch.create_databases(pair.instances[0], ["only-here"], pair.credentials)
    put(pair, Wanted("cdb-0", "cdb-1", "only-here"))
    pair.until(lambda: is_in_state(pair, "crashing"), "it crashes")
    assert "no such database" in found(pair).error


def test_a_stopped_instance_raises_temporary_error(pair: Ring) -> None:
    pair.stop("cdb-0")
    with pytest.raises(TemporaryError):
        put(pair)
    with pytest.raises(TemporaryError):
        pair.couch.delete_replications(pair.instances[0], [LINK], pair.credentials)
