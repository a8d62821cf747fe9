"""What a simulation can make the servers in memory do, beyond what the contract suite asks of both implementations."""

import pytest

from common.errors import TemporaryError
from tests.twins.couch.adapter import MemoryCouch
from tests.twins.couch.world import Server, World
from worker.core.observed import Down, Fence, Instance, Node, Unknown
from worker.core.ring import Wanted
from worker.ports import Credentials

LOGIN = Credentials("kanto", "pw")
A, B = (Instance(n, n, f"http://{n}:5984", f"http://{n}:5984", "running", serving=True) for n in ("a", "b"))


class Pair:
    """Two servers with a database, and a replication from the first to the second."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.couch = MemoryCouch(world)
        for instance in (A, B):
            world.add(Server(instance.address, f"uuid-{instance.name}", {LOGIN.name: LOGIN.password}))
            self.couch.create_databases(instance, ["one"], LOGIN)
        self.couch.put_replications(A, [Wanted("a", "b", "one")], [A, B], LOGIN)

    @property
    def a(self) -> Server:
        return self.world.servers[A.address]

    @property
    def b(self) -> Server:
        return self.world.servers[B.address]

    def look(self, instance: Instance = A) -> Node | Down | Unknown:
        return self.couch.observe([A, B], LOGIN)[instance.name]

    def state(self) -> tuple[str, int | None]:
        node = self.look()
        assert isinstance(node, Node)
        return node.replications[0].state, node.replications[0].pending

    def tick(self, times: int = 1) -> None:
        for _ in range(times):
            self.world.tick()


def test_nothing_moves_without_a_tick() -> None:
    pair = Pair(World())
    pair.a.write("one", "x")
    assert pair.b.databases["one"].last == 0
    pair.tick()
    assert pair.b.databases["one"].last == 1


def test_a_batch_limits_what_moves_in_a_tick() -> None:
    pair = Pair(World(batch=2))
    for n in range(5):
        pair.a.write("one", f"d{n}")
    pair.tick()
    assert pair.state() == ("running", 3)
    pair.tick(2)
    assert pair.state() == ("running", 0)
    assert pair.b.databases["one"].last == 5


def test_two_writes_of_one_document_are_two_revisions_and_both_arrive() -> None:
    pair = Pair(World())
    first, second = pair.a.write("one", "x"), pair.a.write("one", "x")
    pair.tick()
    assert set(pair.b.databases["one"].revisions) == {first, second}


def test_a_stopped_target_is_noticed_late_if_the_world_says_so() -> None:
    pair = Pair(World(notice_after=3))
    pair.tick()
    pair.b.stop()
    pair.tick(3)
    assert pair.state()[0] == "running"
    pair.tick()
    assert pair.state()[0] == "crashing"


def test_one_that_begins_counts_as_initializing_before_it_has_reached_its_target() -> None:
    pair = Pair(World(tries_for=3))
    pair.a.write("one", "x")
    pair.b.stop()
    pair.tick(3)
    assert pair.state() == ("initializing", None)
    pair.tick()
    assert pair.state() == ("crashing", None)
    pair.b.start()
    pair.couch.put_replications(A, [Wanted("a", "b", "one")], [A, B], LOGIN)
    pair.tick()
    assert pair.state() == ("running", 0)


def test_one_that_begins_by_itself_says_what_it_did_in_the_run_before() -> None:
    pair = Pair(World(tries_for=3))
    pair.a.write("one", "x")
    pair.tick()
    pair.b.stop()
    pair.a.write("one", "y")
    pair.tick()
    assert pair.state() == ("crashing", None)
    pair.tick(2)
    assert pair.state() == ("running", 0)


def test_what_crashes_waits_longer_each_time_and_a_kick_starts_it_at_once() -> None:
    pair = Pair(World())
    pair.b.stop()
    pair.tick(20)
    pair.b.start()
    pair.tick()
    assert pair.state()[0] == "crashing"
    pair.couch.put_replications(A, [Wanted("a", "b", "one")], [A, B], LOGIN)
    pair.tick()
    assert pair.state()[0] == "running"


def test_what_crashes_starts_by_itself_in_the_end() -> None:
    pair = Pair(World())
    pair.b.stop()
    pair.tick(20)
    pair.b.start()
    pair.tick(70)
    assert pair.state()[0] == "running"


def test_an_unclear_server_is_unknown_to_kanto_but_not_to_its_siblings() -> None:
    pair = Pair(World())
    pair.b.fault = "unclear"
    pair.a.write("one", "x")
    pair.tick()
    assert isinstance(pair.look(B), Unknown)
    assert pair.b.databases["one"].last == 1
    with pytest.raises(TemporaryError):
        pair.couch.create_databases(B, ["two"], LOGIN)
    assert "two" not in pair.b.databases


def test_a_mute_server_does_what_it_is_asked_and_does_not_say_so() -> None:
    pair = Pair(World())
    pair.b.fault = "mute"
    assert isinstance(pair.look(B), Unknown)
    with pytest.raises(TemporaryError):
        pair.couch.create_databases(B, ["two"], LOGIN)
    assert "two" in pair.b.databases


def test_a_write_is_acknowledged_only_where_it_is_kept() -> None:
    pair = Pair(World())
    pair.a.stop()
    assert pair.a.write("one", "x") is None
    assert pair.a.databases["one"].last == 0
    pair.a.start()
    assert pair.a.write("one", "x") is not None
    assert pair.a.write("missing", "x") is None


def test_a_fence_passes_through_every_stage_and_users_write_until_the_restart() -> None:
    pair = Pair(World(restart_ticks=2))
    told = []
    for _ in range(4):
        pair.couch.fence(A, "n", LOGIN)
        node = pair.look()
        told.append((node.fence if isinstance(node, Node) else "away", pair.a.write("one", "x") is not None))
    assert told == [(Fence(None), True), (Fence(None), True), (Fence(None), True), ("away", False)]
    pair.tick(2)
    node = pair.look()
    assert isinstance(node, Node)
    assert node.fence == Fence(None)
    pair.couch.fence(A, "n", LOGIN)
    node = pair.look()
    assert isinstance(node, Node)
    assert node.fence == Fence("n")
    assert pair.a.write("one", "x") is None


def test_a_document_that_the_target_refuses_is_counted_skipped_and_keeps_the_proof_from_its_end() -> None:
    pair = Pair(World())
    pair.b.databases["one"].refuses.add("bad")
    for doc_id in ("bad", "good"):
        pair.a.write("one", doc_id)
    pair.tick()
    node = pair.look()
    assert isinstance(node, Node)
    assert node.replications[0].refused == 1
    assert node.replications[0].pending == 0
    drained = pair.couch.drain(A, B, (), LOGIN, seconds=1)
    for _ in range(20):
        pair.tick()
        drained = pair.couch.drain(A, B, drained.proofs, LOGIN, seconds=1)
    (proof,) = (proof for proof in drained.proofs if proof.database == "one")
    assert (proof.is_complete, proof.missing) == (False, 1)
    assert drained.waits


def test_a_page_limits_what_a_call_of_drain_looks_at() -> None:
    pair = Pair(World(page=2))
    for n in range(5):
        pair.a.write("one", f"d{n}")
    pair.tick()
    seen = []
    proofs = pair.couch.drain(A, B, (), LOGIN, seconds=1).proofs
    for _ in range(3):
        (proof,) = (proof for proof in proofs if proof.database == "one")
        seen.append((proof.documents, proof.is_complete))
        proofs = pair.couch.drain(A, B, proofs, LOGIN, seconds=1).proofs
    assert seen == [(2, False), (4, False), (5, True)]


def test_one_history_gives_one_outcome() -> None:
    def play() -> tuple[object, ...]:
        pair = Pair(World(batch=3))
        for n in range(20):
            pair.a.write("one", f"d{n}")
            if n == 7:
                pair.b.stop()
            if n == 12:
                pair.b.start()
            pair.tick()
        return pair.look(), pair.look(B), tuple(pair.b.databases["one"].revisions)

    assert play() == play()
