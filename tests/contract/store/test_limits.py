"""What one user may have, asked in the transaction that would give more."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from common.cluster import ClusterKey, Durable, MirrorRecord
from common.jobs import JobStatus
from common.store.admission import Limits
from common.store.port import Outcome, Refusal, Store
from tests.contract.store.bench import Bench
from tests.contract.store.requests import (
    HASH,
    KEY,
    accepted,
    creation,
    deletion,
    job_of,
    leased,
    record_of,
    scaling,
    settled,
    spec_of,
)

OTHER = ClusterKey(KEY.user, "other")
FULL = Limits(clusters=1, instances=3, jobs=1)


def refusal(store: Store, **limits: int) -> Refusal | None:
    """What a second cluster of three meets."""
    return store.submit(creation("job-2", OTHER, limits=Limits(**limits))).refusal


@pytest.mark.parametrize(
    ("limits", "met"),
    [
        ({"clusters": 1}, Refusal.TOO_MANY_CLUSTERS),
        ({"clusters": 2}, None),
        ({"instances": 5}, Refusal.TOO_MANY_INSTANCES),
        ({"instances": 6}, None),
        ({"jobs": 1}, None),
        ({}, None),
    ],
)
def test_a_new_cluster_asks_for_room(store: Store, limits: dict[str, int], met: Refusal | None) -> None:
    settled(store)
    assert refusal(store, **limits) is met
    assert (store.cluster(OTHER) is None) == (met is not None)


def test_a_job_asks_for_room_until_another_has_ended(store: Store) -> None:
    accepted(store, creation())
    assert refusal(store, jobs=1) is Refusal.TOO_MANY_JOBS
    store.release(leased(store), Outcome(30.0, ended=JobStatus.SUCCEEDED))
    assert refusal(store, jobs=1) is None


def test_a_job_past_its_deadline_makes_room(bench: Bench) -> None:
    accepted(bench.store, creation(deadline=100.0))
    bench.elapse(100)
    assert refusal(bench.store, jobs=1) is None
    assert job_of(bench.store, "job-create").status is JobStatus.FAILED


def test_growing_asks_and_shrinking_and_deleting_do_not(store: Store) -> None:
    before = settled(store)
    assert store.submit(scaling(before, 4, limits=FULL)).refusal is Refusal.TOO_MANY_INSTANCES
    accepted(store, scaling(before, 2, limits=Limits(instances=1, clusters=0)))
    accepted(store, deletion(record_of(store), limits=Limits(clusters=0, instances=0, jobs=0)))


def test_what_comes_back_counts_again(store: Store) -> None:
    accepted(store, scaling(settled(store), 1))
    store.release(leased(store), Outcome(30.0, ended=JobStatus.FAILED))
    assert refusal(store, instances=5) is Refusal.TOO_MANY_INSTANCES


def test_what_a_cancel_brings_back_counts_again(store: Store) -> None:
    accepted(store, scaling(settled(store), 1))
    store.cancel(KEY.user, "job-scale")
    assert refusal(store, instances=5) is Refusal.TOO_MANY_INSTANCES


def test_a_cluster_counts_until_it_is_gone(store: Store) -> None:
    accepted(store, deletion(settled(store)))
    assert refusal(store, clusters=1) is Refusal.TOO_MANY_CLUSTERS
    store.release(leased(store), Outcome(30.0, ended=JobStatus.SUCCEEDED, gone=True))
    assert refusal(store, clusters=1, instances=3) is None


def test_what_was_read_back_counts(store: Store) -> None:
    store.rebuild([MirrorRecord(spec_of(), 7, HASH, Durable())])
    assert refusal(store, instances=5) is Refusal.TOO_MANY_INSTANCES


def test_others_do_not_count(store: Store) -> None:
    settled(store)
    ann = ClusterKey("ann", KEY.tag)
    accepted(store, creation("job-2", ann, owner_hash="hash", limits=FULL))


def test_many_at_once_do_not_pass_a_limit(store: Store) -> None:
    def create(number: int) -> Refusal | None:
        key = ClusterKey(KEY.user, f"tag-{number}")
        return store.submit(creation(f"job-{number}", key, limits=Limits(clusters=3))).refusal

    with ThreadPoolExecutor(10) as callers:
        met = list(callers.map(create, range(10)))
    assert met.count(None) == 3
    assert len(store.clusters(KEY.user)) == 3
