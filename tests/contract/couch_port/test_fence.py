"""The fence: refuses every write of users, survives a restart, can be half-made and undone (hazards H8)."""

import pytest

from worker.core.observed import Fence
from worker.core.ring import Wanted

from .rings import Ring, nodes

NONCE = "5b1c-nonce"


@pytest.fixture
def open_ring(ring: Ring) -> Ring:
    """Users can write to the database `one` of every instance."""
    for instance in ring.instances:
        ring.couch.create_databases(instance, ["one"], ring.credentials)
        assert ring.write(instance.name, "one", "before")
    return ring


def fence_of(ring: Ring) -> Fence | None:
    node = nodes(ring).get("cdb-0")
    return node.fence if node else None


def fence_on(ring: Ring, nonce: str = NONCE) -> None:
    """As steps do it: look, and move the fence on while it does not stand."""

    def stands() -> bool:
        if "cdb-0" not in nodes(ring):
            return False
        if fence_of(ring) == Fence(nonce):
            return True
        ring.couch.fence(ring.instances[0], nonce, ring.credentials)
        return False

    ring.until(stands, "the fence stands")


def test_a_fence_holds_off_every_write_of_users(open_ring: Ring) -> None:
    fence_on(open_ring)
    assert not open_ring.write("cdb-0", "one", "late")
    assert open_ring.write("cdb-1", "one", "elsewhere")
    assert open_ring.ids("cdb-0", "one") == {"before"}


def test_a_fence_stands_only_after_a_restart(open_ring: Ring) -> None:
    open_ring.couch.fence(open_ring.instances[0], NONCE, open_ring.credentials)
    open_ring.until(lambda: "cdb-0" in nodes(open_ring), "it answers")
    assert fence_of(open_ring) == Fence(None)


def test_a_fence_survives_a_restart_of_the_program(open_ring: Ring) -> None:
    fence_on(open_ring)
    open_ring.restart("cdb-0")
    assert fence_of(open_ring) == Fence(NONCE)
    assert not open_ring.write("cdb-0", "one", "late")


def test_a_fence_that_stands_is_left_as_it_is(open_ring: Ring) -> None:
    fence_on(open_ring)
    open_ring.couch.fence(open_ring.instances[0], NONCE, open_ring.credentials)
    assert fence_of(open_ring) == Fence(NONCE)


def test_a_restart_in_the_middle_is_no_fence(open_ring: Ring) -> None:
    open_ring.couch.fence(open_ring.instances[0], NONCE, open_ring.credentials)
    open_ring.until(lambda: "cdb-0" in nodes(open_ring), "it answers")
    open_ring.restart("cdb-0")
    assert fence_of(open_ring) != Fence(NONCE)
    fence_on(open_ring)
    assert not open_ring.write("cdb-0", "one", "late")


def test_another_nonce_makes_another_fence(open_ring: Ring) -> None:
    fence_on(open_ring)
    fence_on(open_ring, "another")
    assert not open_ring.write("cdb-0", "one", "late")
    open_ring.couch.unfence(open_ring.instances[0], open_ring.credentials)
    assert open_ring.write("cdb-0", "one", "again")


def test_unfence_lets_users_write_again_and_leaves_no_trace(open_ring: Ring) -> None:
    fence_on(open_ring)
    for _ in range(2):
        open_ring.couch.unfence(open_ring.instances[0], open_ring.credentials)
    assert fence_of(open_ring) is None
    assert open_ring.write("cdb-0", "one", "again")
    open_ring.restart("cdb-0")
    assert fence_of(open_ring) is None
    assert open_ring.write("cdb-0", "one", "and again")


def test_a_half_made_fence_is_undone(open_ring: Ring) -> None:
    open_ring.couch.fence(open_ring.instances[0], NONCE, open_ring.credentials)
    open_ring.until(lambda: "cdb-0" in nodes(open_ring), "it answers")
    open_ring.couch.unfence(open_ring.instances[0], open_ring.credentials)
    assert fence_of(open_ring) is None
    assert open_ring.write("cdb-0", "one", "again")


def test_kanto_replicates_out_of_a_fence(open_ring: Ring) -> None:
    open_ring.write("cdb-0", "one", "last")
    fence_on(open_ring)
    open_ring.couch.put_replications(
        open_ring.instances[0], [Wanted("cdb-0", "cdb-1", "one")], open_ring.instances, open_ring.credentials
    )
    open_ring.until(lambda: "last" in open_ring.ids("cdb-1", "one"), "what is behind the fence comes out")


def test_a_replaced_instance_has_no_fence(open_ring: Ring) -> None:
    fence_on(open_ring)
    open_ring.replace("cdb-0")
    assert fence_of(open_ring) is None
