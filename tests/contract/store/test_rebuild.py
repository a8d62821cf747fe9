"""A lost Redis, filled again from what the platform carries."""

from dataclasses import replace

import pytest

from common.cluster import ClusterKey, Durable, MirrorRecord
from common.errors import LeaseLost
from common.jobs import JobStatus
from common.store.port import Outcome, Store
from tests.contract.store.bench import START, Bench
from tests.contract.store.requests import (
    HASH,
    KEY,
    TTL,
    accepted,
    creation,
    deletion,
    due,
    job_of,
    leased,
    record_of,
    settled,
    spec_of,
)

FUTURE = int(START * 1000) + 500_000_000
OTHER = ClusterKey("ann", "another-one")


def mirror(key: ClusterKey = KEY, *, version: int = 1000, fence: int = 1001, **changes: object) -> MirrorRecord:
    durable = Durable(filled=("u1",), ever_filled=True)
    return replace(MirrorRecord(spec_of(key), version, f"hash-of-{key.user}", durable, fence), **changes)  # type: ignore[arg-type]


def test_an_empty_platform_makes_an_empty_store_ready(new_bench: Bench) -> None:
    new_bench.store.rebuild(())
    assert new_bench.store.is_rebuilt()
    accepted(new_bench.store, creation())


def test_clusters_and_users_come_back_and_all_are_due(new_bench: Bench) -> None:
    store = new_bench.store
    store.rebuild((mirror(), mirror(OTHER)))
    record = record_of(store)
    assert (record.spec, record.version, record.owner_hash) == (spec_of(), 1000, "hash-of-johny2")
    assert record.durable == Durable(filled=("u1",), ever_filled=True)
    assert (record.job, record.view, record.memory) == (None, None, "")
    assert store.owner_hash("ann") == "hash-of-ann"
    assert [found.spec.key for found in store.clusters("ann")] == [OTHER]
    assert sorted(due(store)) == [OTHER, KEY]


def test_a_disabled_user_comes_back_disabled(new_bench: Bench) -> None:
    store = new_bench.store
    store.rebuild((mirror(), mirror(OTHER, is_disabled=True)))
    assert store.owner_hash("ann") is None
    assert store.owner_hash("johny2") == "hash-of-johny2"
    assert record_of(store, OTHER).is_disabled
    store.rebuild((mirror(OTHER, version=2000),))
    assert store.owner_hash("ann") == "hash-of-ann"


def test_a_deleted_cluster_comes_back_deleted(new_bench: Bench) -> None:
    new_bench.store.rebuild((mirror(spec=spec_of(deleted=True)),))
    assert leased(new_bench.store).record.spec.deleted
    assert new_bench.store.submit(creation(owner_hash="hash-of-johny2")).refusal == "exists"


def test_the_counter_never_goes_below_what_was_seen(new_bench: Bench) -> None:
    store = new_bench.store
    store.rebuild((mirror(version=5, fence=FUTURE),))
    assert leased(store).fence == FUTURE + 1
    store.rebuild((mirror(OTHER, version=FUTURE + 10, fence=3),))
    assert leased(store, OTHER).fence == FUTURE + 11


def test_a_higher_version_replaces_the_stored_record_its_lease_and_its_job(store: Store) -> None:
    accepted(store, creation())
    lease = leased(store)
    store.save(lease, Outcome(0.0, memory="old"))
    newer = mirror(version=lease.fence + 50, fence=lease.fence + 60, spec=spec_of(replicas=7), owner_hash=HASH)
    store.rebuild((newer,))
    record = record_of(store)
    assert (record.spec.replicas, record.version, record.memory, record.job) == (7, newer.version, "", None)
    assert record.durable == newer.durable
    job = job_of(store, "job-create")
    assert job.status is JobStatus.CANCELED
    assert job.error is not None
    assert job.error.code == "superseded"
    with pytest.raises(LeaseLost):
        store.renew(lease)
    assert leased(store, owner="worker-2").fence > newer.fence


def test_a_lower_version_is_left_but_due(store: Store) -> None:
    before = settled(store)
    store.rebuild((mirror(version=before.version - 1, spec=spec_of(replicas=7)),))
    assert record_of(store) == before
    assert due(store) == (KEY,)


def test_the_same_again_changes_nothing(store: Store) -> None:
    before = settled(store)
    same = MirrorRecord(before.spec, before.version, before.owner_hash, before.durable, before.version)
    store.rebuild((same,))
    store.rebuild((same,))
    assert record_of(store) == before


@pytest.mark.parametrize("changes", [{"spec": spec_of(replicas=9)}, {"owner_hash": "$argon2id$other"}])
def test_an_equal_version_with_other_content_is_told_and_keeps_no_other_from_being_taken_in(
    store: Store, changes: dict[str, object]
) -> None:
    before = settled(store)
    twisted = replace(mirror(version=before.version, owner_hash=HASH), **changes)  # type: ignore[arg-type]
    assert store.rebuild((mirror(OTHER), twisted)) == (KEY,)
    assert record_of(store) == before
    assert record_of(store, OTHER).version == mirror(OTHER).version
    assert store.rebuild((mirror(OTHER),)) == ()


def test_of_an_equal_version_the_later_writers_memory_counts(store: Store) -> None:
    before = settled(store)
    lease = leased(store)
    later = MirrorRecord(before.spec, before.version, HASH, Durable(leavers=("i-1",)), lease.fence + 100)
    store.rebuild((later,))
    assert record_of(store) == replace(before, durable=later.durable)
    with pytest.raises(LeaseLost):
        store.check(lease)
    assert leased(store).fence > later.fence


def test_of_an_equal_version_an_earlier_writers_memory_does_not_count(store: Store) -> None:
    settled(store)
    lease = leased(store)
    store.save(lease, Outcome(0.0, durable=Durable(leavers=("i-2",))))
    before = record_of(store)
    store.rebuild((MirrorRecord(before.spec, before.version, HASH, Durable(leavers=("i-1",)), lease.fence),))
    assert record_of(store) == before
    store.check(lease)


def test_a_cluster_that_was_made_again_replaces_one_that_is_gone(store: Store) -> None:
    accepted(store, deletion(settled(store)))
    lease = leased(store)
    store.release(lease, Outcome(100.0, ended=JobStatus.SUCCEEDED, gone=True, gone_for=0.0))
    again = mirror(version=lease.fence + 1, owner_hash=HASH, spec=spec_of(incarnation="second"))
    store.rebuild((again,))
    assert record_of(store).spec == again.spec
    assert due(store) == (KEY,)


def test_a_gone_cluster_with_a_mirror_is_removed_again(store: Store) -> None:
    accepted(store, deletion(settled(store)))
    lease = leased(store)
    store.release(lease, Outcome(100.0, ended=JobStatus.SUCCEEDED, gone=True))
    store.rebuild((MirrorRecord(lease.record.spec, lease.record.version, HASH, Durable(), lease.fence),))
    assert due(store) == (KEY,)
    again = store.acquire(KEY, "worker-1", ttl=TTL)
    assert again is not None
    assert again.record.gone
