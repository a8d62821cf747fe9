"""Databases and their rights."""

import pytest

from common.errors import TemporaryError

from .rings import Ring, nodes

NAMES = ["a/b", "c+d(e)$", "_users", "z_9-y"]


def test_databases_of_all_names_are_made(ring: Ring) -> None:
    ring.couch.create_databases(ring.instances[0], NAMES, ring.credentials)
    assert set(nodes(ring)["cdb-0"].databases) == {*NAMES, "_replicator"}


def test_databases_that_exist_are_left_as_they_are(ring: Ring) -> None:
    instance = ring.instances[0]
    ring.couch.create_databases(instance, ["one"], ring.credentials)
    ring.write("cdb-0", "one", "a")
    ring.couch.create_databases(instance, ["one", "two"], ring.credentials)
    assert ring.ids("cdb-0", "one") == {"a"}
    assert "two" in nodes(ring)["cdb-0"].databases


def test_a_database_is_made_as_another_instance_has_it(ring: Ring) -> None:
    one, other, third = ring.instances
    ring.partition("cdb-0", "a/b")
    ring.couch.create_databases(one, ["plain"], ring.credentials)
    like = {"a/b": one, "plain": one, "gone": one}
    ring.couch.create_databases(other, ["a/b", "plain", "gone", "new"], ring.credentials, like=like)
    assert {name: ring.is_partitioned("cdb-1", name) for name in ("a/b", "plain", "gone", "new")} == {
        "a/b": True,
        "plain": False,
        "gone": False,
        "new": False,
    }
    ring.stop("cdb-0")
    ring.couch.create_databases(third, ["a/b", "new"], ring.credentials, like={"a/b": one})
    assert "new" in nodes(ring)["cdb-2"].databases
    assert "a/b" not in nodes(ring)["cdb-2"].databases, "it is left to the next look"


def test_dropped_databases_are_gone_with_their_documents(ring: Ring) -> None:
    instance = ring.instances[0]
    ring.couch.create_databases(instance, NAMES, ring.credentials)
    ring.write("cdb-0", "a/b", "a")
    ring.couch.drop_databases(instance, ["a/b", "c+d(e)$", "never-there"], ring.credentials)
    assert set(nodes(ring)["cdb-0"].databases) == {"_users", "z_9-y", "_replicator"}
    ring.couch.drop_databases(instance, ["a/b"], ring.credentials)
    ring.couch.create_databases(instance, ["a/b"], ring.credentials)
    assert ring.ids("cdb-0", "a/b") == set()


def test_databases_of_a_stopped_instance_are_not_dropped(ring: Ring) -> None:
    ring.couch.create_databases(ring.instances[0], ["one"], ring.credentials)
    ring.stop("cdb-0")
    with pytest.raises(TemporaryError, match="cdb-0"):
        ring.couch.drop_databases(ring.instances[0], ["one"], ring.credentials)
    ring.start("cdb-0")
    ring.until(lambda: "cdb-0" in nodes(ring), "the instance to answer again")
    assert "one" in nodes(ring)["cdb-0"].databases


def test_a_stopped_instance_raises_temporary_error_that_names_it(ring: Ring) -> None:
    ring.stop("cdb-0")
    with pytest.raises(TemporaryError, match="cdb-0") as caught:
        ring.couch.create_databases(ring.instances[0], ["one"], ring.credentials)
    assert caught.value.code == "instance_down"


def test_security_of_a_missing_database_raises_temporary_error(ring: Ring) -> None:
    with pytest.raises(TemporaryError):
        ring.couch.put_security(ring.instances[0], {"missing": "{}"}, ring.credentials)
