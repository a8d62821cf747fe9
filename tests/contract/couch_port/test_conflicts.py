"""Documents in conflict are counted, and what was not looked at is said."""

from common.view import ConflictCount

from .rings import Ring, nodes


def pulled(ring: Ring, *databases: str) -> None:
    """The first instance has all that the second one has."""
    ring.couch.put_fills(ring.instances[0], ring.instances[1], databases, ring.credentials)
    ring.until(lambda: {fill.state for fill in nodes(ring)["cdb-0"].fills} == {"completed"}, "the pull to complete")


def count(ring: Ring, *databases: str, seconds: float = 30.0) -> tuple[ConflictCount, ...]:
    return ring.couch.count_conflicts(ring.instances[0], databases, ring.credentials, seconds=seconds)


def test_two_writes_of_one_document_are_one_conflict(ring: Ring) -> None:
    for instance in ring.instances[:2]:
        ring.couch.create_databases(instance, ["a/b", "one"], ring.credentials)
        for doc_id in ("both", "both-too"):
            assert ring.write(instance.name, "a/b", doc_id, text=f"by {instance.name}")
    assert ring.write("cdb-0", "a/b", "zero")
    assert ring.write("cdb-1", "a/b", "one")
    assert ring.write("cdb-1", "one", "zero")
    pulled(ring, "a/b", "one")
    assert count(ring, "a/b", "one") == (
        ConflictCount("a/b", 2, is_complete=True),
        ConflictCount("one", 0, is_complete=True),
    )


def test_a_database_that_is_not_there_is_not_known(ring: Ring) -> None:
    ring.couch.create_databases(ring.instances[0], ["one"], ring.credentials)
    assert count(ring, "missing", "one") == (ConflictCount("missing"), ConflictCount("one", 0, is_complete=True))


def test_without_time_nothing_is_known(ring: Ring) -> None:
    ring.couch.create_databases(ring.instances[0], ["one"], ring.credentials)
    assert count(ring, "one", seconds=0) == (ConflictCount("one"),)


def test_an_instance_that_does_not_answer_tells_nothing(ring: Ring) -> None:
    ring.stop("cdb-0")
    assert count(ring, "one", "two") == (ConflictCount("one"), ConflictCount("two"))
