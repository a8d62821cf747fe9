"""A wish for a count of conflicts: told to the steps that begin in time, until one has counted."""

from common.cluster import ClusterKey
from common.store.port import Outcome, Store
from common.view import ConflictCount, Conflicts
from tests.contract.store.bench import Bench
from tests.contract.store.requests import (
    KEY,
    accepted,
    creation,
    deletion,
    due,
    leased,
    record_of,
    settled,
    spec_of,
)

FOUND = Conflicts(1.5, "cdb-0", (ConflictCount("test", 2), ConflictCount("later")))


def is_to_count(store: Store, conflicts: Conflicts | None = None) -> bool:
    lease = leased(store)
    store.release(lease, Outcome(30.0, conflicts=conflicts))
    return lease.is_to_count


def test_a_step_counts_only_if_somebody_wishes_it(store: Store) -> None:
    settled(store)
    assert not is_to_count(store)
    store.wake(KEY)
    assert not is_to_count(store)
    assert record_of(store).conflicts is None


def test_a_wish_makes_the_cluster_due_and_holds_until_it_is_granted(store: Store) -> None:
    settled(store)
    store.wake(KEY, count_within=15.0)
    assert due(store) == (KEY,)
    assert is_to_count(store)
    assert is_to_count(store, FOUND)
    assert not is_to_count(store)
    assert record_of(store).conflicts == FOUND


def test_a_wish_is_forgotten_in_time(bench: Bench) -> None:
    settled(bench.store)
    bench.store.wake(KEY, count_within=15.0)
    bench.elapse(14.999)
    assert is_to_count(bench.store)
    bench.elapse(0.001)
    assert not is_to_count(bench.store)


def test_a_cluster_that_is_not_there_is_not_counted(store: Store) -> None:
    other = ClusterKey("ann", "no-such-one")
    store.wake(other, count_within=15.0)
    assert store.acquire(other, "worker-1", ttl=15.0) is None


def test_a_cluster_made_again_has_neither_wish_nor_count(store: Store) -> None:
    record = settled(store)
    store.wake(KEY, count_within=15.0)
    store.release(leased(store), Outcome(30.0, conflicts=FOUND))
    store.wake(KEY, count_within=15.0)
    accepted(store, deletion(record))
    store.release(leased(store), Outcome(0.0, gone=True))
    accepted(store, creation("job-2", spec=spec_of(incarnation="second")))
    assert record_of(store).conflicts is None
    assert not is_to_count(store)
