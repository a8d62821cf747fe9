"""Leases and fencing numbers: one writer per cluster."""

from dataclasses import replace

import pytest

from common.cluster import ClusterKey, Durable
from common.errors import LeaseLost
from common.jobs import JobStatus
from common.store.port import Outcome, Store
from tests.contract.store.bench import START, Bench
from tests.contract.store.requests import (
    HASH,
    KEY,
    TTL,
    VIEW,
    accepted,
    creation,
    deletion,
    due,
    job_of,
    leased,
    record_of,
    scaling,
    settled,
    spec_of,
)


def test_a_lease_carries_the_record_and_its_job_which_now_runs(bench: Bench) -> None:
    accepted(bench.store, creation())
    bench.elapse(2)
    lease = leased(bench.store)
    assert (lease.key, lease.owner, lease.ttl, lease.now) == (KEY, "worker-1", TTL, START + 2)
    assert lease.record == record_of(bench.store)
    assert lease.record.owner_hash == HASH
    assert lease.job is not None
    assert (lease.job.status, lease.job.started_at) == (JobStatus.RUNNING, START + 2)
    assert job_of(bench.store, "job-create") == lease.job


def test_a_job_that_runs_keeps_the_time_of_its_start(bench: Bench) -> None:
    accepted(bench.store, creation())
    bench.store.release(leased(bench.store), Outcome(1.0))
    bench.elapse(5)
    job = leased(bench.store).job
    assert job is not None
    assert job.started_at == START


def test_there_is_no_lease_of_a_cluster_that_does_not_exist(store: Store) -> None:
    assert store.acquire(KEY, "worker-1", ttl=TTL) is None


def test_a_held_lease_is_not_handed_out_not_even_to_its_owner(bench: Bench) -> None:
    settled(bench.store)
    leased(bench.store, owner="worker-1")
    assert bench.store.acquire(KEY, "worker-2", ttl=TTL) is None
    assert bench.store.acquire(KEY, "worker-1", ttl=TTL) is None


def test_a_cluster_whose_lease_was_taken_is_due_again_in_half_a_second(bench: Bench) -> None:
    settled(bench.store)
    leased(bench.store)
    assert bench.store.acquire(KEY, "worker-2", ttl=TTL) is None
    assert due(bench.store) == ()
    bench.elapse(0.5)
    assert due(bench.store) == (KEY,)


def test_acquire_pushes_the_due_time_ahead(bench: Bench) -> None:
    accepted(bench.store, creation())
    leased(bench.store, ttl=15)
    bench.elapse(14.999)
    assert due(bench.store) == ()
    bench.elapse(0.001)
    assert due(bench.store) == (KEY,)


def test_a_lease_that_ran_out_is_handed_out_with_a_higher_number(bench: Bench) -> None:
    accepted(bench.store, creation())
    first = leased(bench.store)
    bench.elapse(TTL)
    second = leased(bench.store, owner="worker-2")
    assert second.fence > first.fence


def test_the_former_holder_can_write_nothing(bench: Bench) -> None:
    accepted(bench.store, creation())
    former = leased(bench.store)
    bench.elapse(TTL)
    leased(bench.store, owner="worker-2")
    before = record_of(bench.store)
    for attempt in (bench.store.renew, bench.store.check):
        with pytest.raises(LeaseLost):
            attempt(former)
    for write in (bench.store.save, bench.store.release):
        with pytest.raises(LeaseLost):
            write(former, Outcome(1.0, memory="late", view=VIEW, ended=JobStatus.SUCCEEDED))
    assert record_of(bench.store) == before
    assert job_of(bench.store, "job-create").status is JobStatus.RUNNING


def test_renew_extends_by_the_lease_length(bench: Bench) -> None:
    settled(bench.store)
    lease = leased(bench.store, ttl=15)
    bench.elapse(10)
    bench.store.renew(lease)
    bench.elapse(14)
    assert bench.store.acquire(KEY, "worker-2", ttl=TTL) is None
    bench.store.check(lease)
    bench.elapse(1)
    assert bench.store.acquire(KEY, "worker-2", ttl=TTL) is not None


def test_a_lease_that_ran_out_fails_the_check_even_if_nobody_took_it(bench: Bench) -> None:
    settled(bench.store)
    lease = leased(bench.store)
    bench.elapse(TTL)
    with pytest.raises(LeaseLost):
        bench.store.check(lease)


def test_the_last_number_may_still_write_after_its_time_if_nobody_took_over(bench: Bench) -> None:
    settled(bench.store)
    lease = leased(bench.store)
    bench.elapse(TTL + 1)
    bench.store.save(lease, Outcome(0.0, memory="saved"))
    bench.store.release(lease, Outcome(30.0))
    assert record_of(bench.store).memory == "saved"


def test_check_fails_when_the_spec_changed(store: Store) -> None:
    record = settled(store)
    lease = leased(store)
    store.check(lease)
    accepted(store, scaling(record, 5))
    with pytest.raises(LeaseLost):
        store.check(lease)


def test_a_released_lease_is_free_and_no_more_its_holders(store: Store) -> None:
    settled(store)
    lease = leased(store)
    store.release(lease, Outcome(30.0))
    for attempt in (store.renew, store.check):
        with pytest.raises(LeaseLost):
            attempt(lease)
    with pytest.raises(LeaseLost):
        store.save(lease, Outcome(1.0))
    assert store.acquire(KEY, "worker-2", ttl=TTL) is not None


def test_a_release_may_be_repeated(bench: Bench) -> None:
    accepted(bench.store, creation())
    lease = leased(bench.store)
    outcome = Outcome(30.0, view=VIEW, ended=JobStatus.SUCCEEDED)
    bench.store.release(lease, outcome)
    before = (record_of(bench.store), job_of(bench.store, "job-create"), bench.store.newest_event())
    bench.elapse(1)
    bench.store.release(lease, outcome)
    assert (record_of(bench.store), job_of(bench.store, "job-create"), bench.store.newest_event()) == before


def test_a_release_repeated_late_disturbs_nobody_who_holds_the_lease_now(store: Store) -> None:
    settled(store)
    former = leased(store)
    store.release(former, Outcome(30.0))
    lease = leased(store, owner="worker-2")
    store.release(former, Outcome(30.0, memory="late"))
    store.check(lease)
    assert record_of(store).memory == ""


def test_a_forged_number_can_write_nothing(store: Store) -> None:
    settled(store)
    lease = leased(store)
    with pytest.raises(LeaseLost):
        store.save(replace(lease, fence=lease.fence + 1), Outcome(1.0, memory="forged"))


def test_versions_and_numbers_come_from_one_counter_that_follows_the_clock(bench: Bench) -> None:
    job = accepted(bench.store, creation())
    assert job.version == START * 1000
    lease = leased(bench.store)
    assert lease.fence == job.version + 1
    bench.elapse(60)
    assert leased(bench.store).fence == (START + 60) * 1000


def test_numbers_go_on_after_a_cluster_was_forgotten(bench: Bench) -> None:
    accepted(bench.store, deletion(settled(bench.store)))
    lease = leased(bench.store)
    bench.store.release(lease, Outcome(0.0, ended=JobStatus.SUCCEEDED, gone=True, gone_for=0.0))
    assert due(bench.store) == ()
    job = accepted(bench.store, creation("job-2", spec=spec_of(incarnation="second")))
    assert job.version > lease.fence
    with pytest.raises(LeaseLost):
        bench.store.renew(lease)


def test_a_lease_that_another_clock_set_far_ahead_is_over(bench: Bench) -> None:
    settled(bench.store)
    leased(bench.store, ttl=7200)
    assert bench.store.acquire(KEY, "worker-2", ttl=TTL) is not None


def test_the_new_incarnation_waits_for_the_old_ones_lease_and_takes_nothing_from_it(store: Store) -> None:
    accepted(store, deletion(settled(store)))
    store.release(leased(store), Outcome(0.0, ended=JobStatus.SUCCEEDED, gone=True))
    sweeping = leased(store)
    accepted(store, creation("job-2", spec=spec_of(incarnation="second")))
    assert store.acquire(KEY, "worker-2", ttl=TTL) is None
    late = Outcome(100.0, memory="old", view=VIEW, durable=Durable(ever_filled=True), step="sweep", gone=True)
    store.release(sweeping, late)
    record = record_of(store)
    assert (record.memory, record.view, record.durable, record.gone) == ("", None, Durable(), False)
    assert job_of(store, "job-2").step == ""
    assert due(store) == (KEY,)


def test_leases_of_different_clusters_do_not_meet(store: Store) -> None:
    other = ClusterKey(KEY.user, "another-one")
    settled(store)
    settled(store, "job-2", other)
    leased(store)
    assert store.acquire(other, "worker-2", ttl=TTL) is not None
