"""The ticker over a store in memory: what is due is sent once, and an empty store is filled first."""

from collections.abc import Iterable
from dataclasses import replace

from common.cluster import ClusterKey, MirrorRecord
from common.errors import StoreUnavailable
from common.store.port import Claim, Outcome
from tests.contract.store.requests import creation
from tests.twins.store.store import MemoryStore
from worker.core.observed import Unknown
from worker.ticker import HOLD, LONGEST_PAUSE, LOOK_BACK_EVERY, Ticker

from .core.world import spec


class Records:
    """Only the part of a platform that the ticker asks."""

    def __init__(self, found: Iterable[MirrorRecord] | Unknown) -> None:
        self.found = found

    def records(self) -> Iterable[MirrorRecord] | Unknown:
        return self.found


class Away(MemoryStore):
    """A store that can be away."""

    def __init__(self, store: MemoryStore) -> None:
        self.__dict__.update(store.__dict__)
        self.is_away = False

    def claim(self, worker: str, *, limit: int, lease: float) -> Claim:
        if self.is_away:
            raise StoreUnavailable("refused")
        return super().claim(worker, limit=limit, lease=lease)


class Time:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


Built = tuple[Ticker, MemoryStore, Time, list[ClusterKey], Records]


def build(found: Iterable[MirrorRecord] | Unknown = ()) -> Built:
    time, sent = Time(), list[ClusterKey]()
    store, records = MemoryStore(time), Records(found)

    def send(key: ClusterKey) -> bool:
        sent.append(key)
        return True

    return (
        Ticker(store, records=records.records, send=send, owner="w1", lease_seconds=15.0, monotonic=time),
        store,
        time,
        sent,
        records,
    )


def test_an_empty_store_is_filled_from_the_platform_before_anything_else() -> None:
    mirror = MirrorRecord(spec(), version=5, owner_hash="h")
    ticker, store, _, sent, _ = build([mirror])
    ticker.tick()
    assert store.is_rebuilt()
    ticker.tick()
    assert sent == [spec().key]


def test_a_platform_that_cannot_be_read_leaves_the_store_as_it_is() -> None:
    ticker, store, time, sent, records = build(Unknown("a folder cannot be read"))
    assert ticker.tick() == LONGEST_PAUSE
    assert not store.is_rebuilt()
    records.found = ()
    time.now += 2.1
    ticker.tick()
    assert store.is_rebuilt()
    assert sent == []


def test_what_is_due_is_sent_once_and_again_after_a_lease_length() -> None:
    ticker, store, time, sent, _ = build()
    ticker.tick()
    store.submit(creation())
    key = creation().spec.key
    ticker.tick()
    ticker.tick()
    assert sent == [key]
    time.now += 15.1
    ticker.tick()
    assert sent == [key, key]


def test_the_pause_is_no_longer_than_until_something_is_due() -> None:
    ticker, store, _, _, _ = build()
    ticker.tick()
    store.submit(creation())
    ticker.tick()
    lease = store.acquire(creation().spec.key, "w1", ttl=15.0)
    assert lease is not None
    store.release(lease, Outcome(due_in=0.3))
    assert 0.2 < ticker.tick() <= 0.3


def newer_mirror(store: MemoryStore) -> MirrorRecord:
    """Of a cluster that the store has, but at a higher version and with five instances."""
    store.submit(creation())
    found = store.cluster(creation().spec.key)
    assert found is not None
    return MirrorRecord(replace(found.spec, replicas=5), found.version + 1, found.owner_hash)


def test_a_store_that_was_away_takes_in_what_the_mirror_has_of_a_higher_version() -> None:
    ticker, store, time, _, _ = build()
    ticker.tick()
    newer = newer_mirror(store)
    away = Away(store)
    broken = Ticker(away, records=lambda: [newer], send=lambda _: True, owner="w1", lease_seconds=15.0, monotonic=time)
    away.is_away = True
    broken.tick()
    away.is_away = False
    time.now += 2.1
    broken.tick()
    found = store.cluster(creation().spec.key)
    assert found is not None
    assert found.spec.replicas == 5


def test_an_older_copy_is_brought_up_to_the_mirror_before_anything_is_sent() -> None:
    ticker, store, time, _, _ = build()
    ticker.tick()
    newer = newer_mirror(store)
    seen = []

    def send(key: ClusterKey) -> bool:
        record = store.cluster(key)
        seen.append(record and record.version)
        return True

    Ticker(store, records=lambda: [newer], send=send, owner="w1", lease_seconds=15.0, monotonic=time).tick()
    assert seen == [newer.version]


def another(store: MemoryStore, found: Iterable[MirrorRecord] | Unknown) -> Built:
    """A worker that starts now, over this store."""
    time, sent, records = store._clock, list[ClusterKey](), Records(found)
    assert isinstance(time, Time)

    def send(key: ClusterKey) -> bool:
        sent.append(key)
        return True

    ticker = Ticker(store, records=records.records, send=send, owner="w2", lease_seconds=15.0, monotonic=time)
    return ticker, store, time, sent, records


def test_nothing_is_claimed_while_the_platform_cannot_be_read_for_a_moment() -> None:
    first, store, time, _, _ = build()
    first.tick()
    newer = newer_mirror(store)
    ticker, _, _, sent, records = another(store, Unknown("503 of the API server"))
    assert ticker.tick() == LONGEST_PAUSE
    time.now += LOOK_BACK_EVERY + 0.1
    assert ticker.tick() == LONGEST_PAUSE
    assert sent == []
    assert store.workers() == 2
    records.found = [newer]
    time.now += LOOK_BACK_EVERY + 0.1
    ticker.tick()
    found = store.cluster(newer.spec.key)
    assert found is not None
    assert (found.version, sent) == (newer.version, [newer.spec.key])


def test_one_damaged_mirror_does_not_stop_everything_for_long() -> None:
    first, store, time, _, _ = build()
    first.tick()
    store.submit(creation())
    ticker, _, _, sent, records = another(store, Unknown("an anchor.json is damaged"))
    ticker.tick()
    time.now += HOLD + 0.1
    ticker.tick()
    assert sent == [creation().spec.key]
    records.found = ()
    ticker.doubt()
    time.now += LOOK_BACK_EVERY + 0.1
    ticker.tick()
    assert not ticker._is_suspect


def test_a_cluster_in_conflict_keeps_no_other_from_being_looked_back_at() -> None:
    first, store, _, _, _ = build()
    first.tick()
    newer = newer_mirror(store)
    other = ClusterKey("johny2", "other-one1")
    store.submit(creation("job-other", other))
    kept = store.cluster(other)
    assert kept is not None
    twisted = MirrorRecord(replace(kept.spec, replicas=9), kept.version, kept.owner_hash)
    ticker, _, _, sent, _ = another(store, [newer, twisted])
    ticker.tick()
    found = store.cluster(newer.spec.key)
    assert found is not None
    assert found.version == newer.version
    assert sorted(sent) == [newer.spec.key, other]
    assert store.cluster(other) == kept


def test_a_step_that_met_a_newer_mirror_has_it_taken_in() -> None:
    ticker, store, time, sent, records = build()
    ticker.tick()
    newer = newer_mirror(store)
    records.found = [newer]
    ticker.doubt()
    time.now += LOOK_BACK_EVERY + 0.1
    ticker.tick()
    found = store.cluster(newer.spec.key)
    assert found is not None
    assert (found.version, sent) == (newer.version, [newer.spec.key])


def test_one_that_is_stopped_before_it_started_claims_nothing_when_it_starts() -> None:
    """A worker that is told to end while it still starts: Celery calls for the stop first, then says it is ready."""
    ticker, store, _, sent, _ = build([MirrorRecord(spec(), version=5, owner_hash="h")])
    ticker.stop()
    ticker.start()
    ticker.stop()
    assert not store.is_rebuilt()
    assert sent == []
