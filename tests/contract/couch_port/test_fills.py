"""One-shot documents that pull."""

from dataclasses import replace

from worker.core.observed import Fill

from .rings import Ring, nodes

ID = "kanto-drain:a/b:cdb-0"


def put(ring: Ring) -> None:
    ring.couch.put_fills(ring.instances[1], ring.instances[0], ["a/b"], ring.credentials)


def found(ring: Ring) -> Fill | None:
    return next(iter(nodes(ring)["cdb-1"].fills), None)


def is_in_state(ring: Ring, state: str) -> bool:
    fill = found(ring)
    return fill is not None and fill.state == state


def make(ring: Ring, *, on: int = 2) -> None:
    for instance in ring.instances[:on]:
        ring.couch.create_databases(instance, ["a/b"], ring.credentials)


def test_a_fill_pulls_everything_and_completes(ring: Ring) -> None:
    make(ring)
    for n in range(30):
        ring.write("cdb-0", "a/b", f"d{n}")
    put(ring)
    ring.until(lambda: is_in_state(ring, "completed"), "the fill completes")
    assert ring.ids("cdb-1", "a/b") == {f"d{n}" for n in range(30)}
    fill = found(ring)
    assert fill is not None
    assert replace(fill, written=None) == Fill("a/b", "cdb-0", "completed", refused=0)


def test_a_fill_is_no_replication_and_a_replication_no_fill(ring: Ring) -> None:
    make(ring)
    put(ring)
    assert nodes(ring)["cdb-1"].replications == ()
    assert [fill.database for fill in nodes(ring)["cdb-1"].fills] == ["a/b"]


def test_a_fill_under_way_goes_on(ring: Ring) -> None:
    make(ring, on=1)
    put(ring)
    ring.until(lambda: is_in_state(ring, "crashing"), "it waits for its database")
    before = ring.document("cdb-1", ID)
    put(ring)
    assert ring.document("cdb-1", ID) == before


def test_a_fill_that_has_completed_runs_again_when_it_is_put_again(ring: Ring) -> None:
    make(ring)
    put(ring)
    ring.until(lambda: is_in_state(ring, "completed"), "the fill completes")
    ring.write("cdb-0", "a/b", "later")
    put(ring)
    ring.until(lambda: ring.ids("cdb-1", "a/b") == {"later"}, "it pulls again")


def test_a_fill_that_has_failed_is_made_anew(ring: Ring) -> None:
    make(ring)
    put(ring)
    ring.until(lambda: is_in_state(ring, "completed"), "the fill completes")
    document = ring.document("cdb-1", ID)
    assert document is not None
    ring.put_document("cdb-1", {**document, "_replication_state": "failed", "_replication_state_reason": "no"})
    ring.until(lambda: is_in_state(ring, "failed"), "it has failed")
    put(ring)
    ring.until(lambda: is_in_state(ring, "completed"), "it completes after all")


def test_an_altered_fill_counts_as_failed(ring: Ring) -> None:
    make(ring)
    put(ring)
    ring.until(lambda: is_in_state(ring, "completed"), "the fill completes")
    document = ring.document("cdb-1", ID)
    assert document is not None
    ring.put_document("cdb-1", {**document, "doc_ids": ["only-this"]})
    ring.until(lambda: is_in_state(ring, "failed"), "it counts as failed")


def test_all_fills_are_deleted_and_nothing_else(ring: Ring) -> None:
    make(ring)
    put(ring)
    ring.put_document("cdb-1", {"_id": "mine", "source": "http://127.0.0.1:9/x", "target": "http://127.0.0.1:9/y"})
    for _ in range(2):
        ring.couch.delete_fills(ring.instances[1], ring.credentials)
    assert nodes(ring)["cdb-1"].fills == ()
    assert ring.document("cdb-1", "mine") is not None
