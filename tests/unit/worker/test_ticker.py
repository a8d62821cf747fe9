"""The ticker over a store in memory: what is due is sent once, and an empty store is filled first."""

from collections.abc import Iterable

from common.cluster import ClusterKey, MirrorRecord
from common.store.memory import MemoryStore
from common.store.port import Outcome
from tests.contract.store.requests import creation
from worker.core.observed import Unknown
from worker.ticker import LONGEST_PAUSE, SHORTEST_PAUSE, Ticker

from .core.world import spec


class Records:
    """Only the part of a platform that the ticker asks."""

    def __init__(self, found: Iterable[MirrorRecord] | Unknown) -> None:
        self.found = found

    def records(self) -> Iterable[MirrorRecord] | Unknown:
        return self.found


class Time:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def build(found: Iterable[MirrorRecord] | Unknown = ()) -> tuple[Ticker, MemoryStore, Time, list[ClusterKey], Records]:
    time, sent = Time(), list[ClusterKey]()
    store, records = MemoryStore(time), Records(found)

    def send(key: ClusterKey) -> bool:
        sent.append(key)
        return True

    return Ticker(store, records=records.records, send=send, owner="w1", lease_seconds=15.0), store, time, sent, records


def test_an_empty_store_is_filled_from_the_platform_before_anything_else() -> None:
    mirror = MirrorRecord(spec(), version=5, owner_hash="h")
    ticker, store, _, sent, _ = build([mirror])
    assert ticker.tick() == SHORTEST_PAUSE
    assert store.is_rebuilt()
    ticker.tick()
    assert sent == [spec().key]


def test_a_platform_that_cannot_be_read_leaves_the_store_as_it_is() -> None:
    ticker, store, _, sent, records = build(Unknown("a folder cannot be read"))
    assert ticker.tick() == LONGEST_PAUSE
    assert not store.is_rebuilt()
    records.found = ()
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
