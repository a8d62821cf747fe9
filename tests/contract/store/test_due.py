"""Every cluster is due at some time: claims, wakes, and the end of those that are gone."""

import pytest

from common.cluster import ClusterKey
from common.jobs import JobStatus
from common.store.port import Claim, Outcome, Store
from tests.contract.store.bench import Bench, RedisBench
from tests.contract.store.requests import (
    HASH,
    KEY,
    TTL,
    VIEW,
    accepted,
    creation,
    deletion,
    due,
    leased,
    record_of,
    settled,
)

OTHER = ClusterKey(KEY.user, "another-one")


def removed(store: Store, *, due_in: float = 60.0, gone_for: float = 300.0) -> None:
    """A cluster that was made, deleted and removed."""
    accepted(store, deletion(settled(store)))
    outcome = Outcome(due_in, view=VIEW, step="done", ended=JobStatus.SUCCEEDED, gone=True, gone_for=gone_for)
    store.release(leased(store), outcome)


def test_nothing_is_due_in_an_empty_store(store: Store) -> None:
    assert store.claim("worker-1", limit=10, lease=TTL) == Claim((), None)


def test_the_store_tells_its_time(bench: Bench) -> None:
    assert bench.store.now() == bench.now()
    bench.elapse(1.234)
    assert bench.store.now() == bench.now()


def test_what_is_claimed_is_pushed_a_lease_length_ahead(bench: Bench) -> None:
    accepted(bench.store, creation())
    assert bench.store.claim("worker-1", limit=10, lease=15) == Claim((KEY,), 15.0)
    assert bench.store.claim("worker-2", limit=10, lease=15) == Claim((), 15.0)
    bench.elapse(15)
    assert due(bench.store) == (KEY,)


def test_next_in_says_when_something_is_due_next(bench: Bench) -> None:
    settled(bench.store)
    bench.elapse(12.5)
    assert bench.store.claim("worker-1", limit=10, lease=TTL) == Claim((), 17.5)


def test_a_claim_takes_no_more_than_asked_and_the_longest_overdue_first(bench: Bench) -> None:
    accepted(bench.store, creation("job-2", OTHER))
    bench.elapse(1)
    accepted(bench.store, creation())
    bench.elapse(1)
    assert bench.store.claim("worker-1", limit=1, lease=TTL) == Claim((OTHER,), 0.0)
    assert bench.store.claim("worker-1", limit=1, lease=TTL) == Claim((KEY,), TTL)


def test_a_released_cluster_is_due_when_the_step_said(bench: Bench) -> None:
    settled(bench.store)
    bench.store.release(leased(bench.store), Outcome(7.0))
    bench.elapse(6.999)
    assert due(bench.store) == ()
    bench.elapse(0.001)
    assert due(bench.store) == (KEY,)


def test_a_due_time_beyond_the_horizon_is_brought_within_it(bench: Bench) -> None:
    settled(bench.store)
    bench.store.release(leased(bench.store), Outcome(1_000_000.0))
    assert bench.store.claim("worker-1", limit=10, lease=TTL) == Claim((), 3600.0)


def test_a_due_time_that_another_clock_set_beyond_the_horizon_counts_as_due(bench: Bench) -> None:
    settled(bench.store)
    assert bench.store.claim("worker-1", limit=10, lease=TTL).keys == ()
    leased(bench.store, ttl=3601.0)
    assert bench.store.claim("worker-1", limit=0, lease=TTL) == Claim((), 0.0)
    assert due(bench.store) == (KEY,)


def test_a_wake_makes_due_at_once(store: Store) -> None:
    settled(store)
    assert due(store) == ()
    store.wake(KEY)
    assert due(store) == (KEY,)


def test_a_wake_makes_due_no_later_and_never_later(bench: Bench) -> None:
    settled(bench.store)
    bench.store.wake(KEY, 10.0)
    bench.store.wake(KEY, 20.0)
    assert bench.store.claim("worker-1", limit=10, lease=TTL) == Claim((), 10.0)


def test_a_wake_of_nothing_is_nothing(store: Store) -> None:
    store.wake(KEY)
    store.wake(KEY, 5.0)
    assert store.claim("worker-1", limit=10, lease=TTL) == Claim((), None)


def test_a_wake_during_a_step_is_not_overwritten_by_its_end(store: Store) -> None:
    settled(store)
    lease = leased(store)
    store.wake(KEY)
    store.release(lease, Outcome(1000.0))
    assert due(store) == (KEY,)


def test_a_wake_before_a_step_is_done_with_it(store: Store) -> None:
    settled(store)
    store.wake(KEY)
    store.release(leased(store), Outcome(1000.0))
    assert due(store) == ()


def test_a_wake_for_later_counts_no_wake(store: Store) -> None:
    settled(store)
    lease = leased(store)
    store.wake(KEY, 5.0)
    store.release(lease, Outcome(1000.0))
    assert store.claim("worker-1", limit=10, lease=TTL).next_in == 1000.0


def test_workers_are_those_that_claimed_within_half_a_minute(bench: Bench) -> None:
    assert bench.store.workers() == 0
    bench.store.claim("worker-1", limit=1, lease=TTL)
    bench.elapse(20)
    bench.store.claim("worker-2", limit=1, lease=TTL)
    bench.store.claim("worker-2", limit=1, lease=TTL)
    assert bench.store.workers() == 2
    bench.elapse(10)
    assert bench.store.workers() == 2
    bench.elapse(0.001)
    assert bench.store.workers() == 1


def test_workers_that_went_away_are_forgotten(bench: Bench) -> None:
    for number in range(5):
        bench.store.claim(f"worker-{number}", limit=1, lease=TTL)
        bench.elapse(31)
    bench.store.claim("worker-last", limit=1, lease=TTL)
    assert bench.store.workers() == 1
    if isinstance(bench, RedisBench):
        assert bench.known_workers() == 1


def test_a_gone_cluster_does_not_exist_for_users_and_is_handed_out_again(bench: Bench) -> None:
    removed(bench.store, due_in=60)
    assert bench.store.cluster(KEY) is None
    assert bench.store.clusters(KEY.user) == ()
    bench.elapse(60)
    assert due(bench.store) == (KEY,)
    lease = leased(bench.store)
    assert lease.record.gone
    assert lease.record.spec.deleted
    assert lease.job is None


def test_a_pod_that_comes_late_can_wake_a_gone_cluster(store: Store) -> None:
    removed(store)
    store.wake(KEY)
    assert due(store) == (KEY,)


def test_sweeping_again_does_not_keep_a_gone_cluster_longer(bench: Bench) -> None:
    removed(bench.store, gone_for=300)
    bench.elapse(200)
    bench.store.release(leased(bench.store), Outcome(1.0, gone=True, gone_for=300))
    bench.elapse(100)
    assert bench.store.acquire(KEY, "worker-1", ttl=TTL) is None
    assert bench.store.claim("worker-1", limit=10, lease=TTL) == Claim((), None)


def test_a_claim_forgets_a_cluster_that_was_gone_long_enough(bench: Bench) -> None:
    removed(bench.store, due_in=60, gone_for=300)
    bench.elapse(300)
    assert bench.store.claim("worker-1", limit=10, lease=TTL) == Claim((), None)
    assert bench.store.acquire(KEY, "worker-1", ttl=TTL) is None


def test_a_cluster_is_not_forgotten_while_somebody_works_on_it(bench: Bench) -> None:
    removed(bench.store, gone_for=300)
    bench.elapse(299)
    lease = leased(bench.store)
    bench.store.wake(KEY)
    bench.elapse(2)
    assert due(bench.store) == (KEY,)
    bench.store.check(lease)
    bench.store.release(lease, Outcome(0.0))
    assert due(bench.store) == ()


def test_nothing_is_left_of_a_forgotten_cluster_but_its_jobs(bench: Bench) -> None:
    removed(bench.store, gone_for=300)
    bench.elapse(300)
    assert due(bench.store) == ()
    assert [job.id for job in bench.store.jobs(KEY.user)] == ["job-delete", "job-create"]
    assert bench.store.owner_hash(KEY.user) == HASH
    if isinstance(bench, RedisBench):
        jobs = {f"kanto:{kind}:job-{name}" for kind in ("job", "changes") for name in ("create", "delete")}
        jobs.add(f"kanto:jobs:{KEY.user}")
        system = {"kanto:counter", "kanto:owners", "kanto:rebuilt", "kanto:events", "kanto:workers", "kanto:ended"}
        assert bench.keys() == jobs | system


@pytest.mark.parametrize("ended", [JobStatus.SUCCEEDED, JobStatus.FAILED])
def test_a_cluster_is_always_due_at_some_time(bench: Bench, ended: JobStatus) -> None:
    accepted(bench.store, creation())
    bench.store.release(leased(bench.store), Outcome(30.0, ended=ended))
    assert bench.store.claim("worker-1", limit=10, lease=TTL).next_in == 30.0
    assert record_of(bench.store).job is None
