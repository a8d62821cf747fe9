"""The one thread that keeps all leases of a process alive."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from common.cluster import ClusterKey
from common.errors import LeaseLost, PermanentError, StoreUnavailable
from common.store.port import ClusterRecord, Lease, Store
from tests.unit.worker.core.world import NOW, spec
from worker.heartbeat import Heartbeat

BOUND = 20.0
"""Seconds that a test waits for what is to come within hundredths of one."""


class Renewals:
    """A store that counts renewals by fence, and raises what it is told to for one of them."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        self.errors: dict[int, Exception] = {}
        self._changed = threading.Condition()

    def renew(self, lease: Lease) -> None:
        with self._changed:
            self.counts[lease.fence] += 1
            self._changed.notify_all()
        if lease.fence in self.errors:
            raise self.errors[lease.fence]

    def wait_for(self, fence: int, *, more: int) -> None:
        """Until so many more renewals of this lease have begun."""
        with self._changed:
            wanted = self.counts[fence] + more
            assert self._changed.wait_for(lambda: self.counts[fence] >= wanted, BOUND), self.counts


@contextmanager
def beating(store: Renewals) -> Iterator[Heartbeat]:
    heartbeat = Heartbeat(cast("Store", store), lease_seconds=0.03)
    heartbeat.start()
    try:
        yield heartbeat
    finally:
        heartbeat.stop()


def lease(fence: int) -> Lease:
    record = ClusterRecord(spec(), version=1, owner_hash="$argon2id$hash")
    return Lease(ClusterKey("johny2", f"tag{fence}"), "worker", fence, 15.0, NOW, wake_seen=0, record=record, job=None)


def test_a_lease_is_renewed_while_it_is_held_and_no_longer() -> None:
    store = Renewals()
    with beating(store) as heartbeat:
        with heartbeat.holding(lease(1)), heartbeat.holding(lease(2)):
            store.wait_for(1, more=2)
            store.wait_for(2, more=2)
        with heartbeat.holding(lease(3)):
            store.wait_for(3, more=2)  # the round in which the others were let go is over
            before = store.counts[1], store.counts[2]
            store.wait_for(3, more=2)
            assert (store.counts[1], store.counts[2]) == before


def test_a_lost_lease_is_not_asked_for_again() -> None:
    store = Renewals()
    store.errors[1] = LeaseLost("johny2/tag1")
    with beating(store) as heartbeat, heartbeat.holding(lease(1)), heartbeat.holding(lease(2)):
        store.wait_for(2, more=4)
        assert store.counts[1] == 1


@pytest.mark.parametrize(
    "error", [StoreUnavailable("away"), PermanentError("internal", "Redis refused renew"), ZeroDivisionError()]
)
def test_an_error_ends_neither_the_thread_nor_the_tries(error: Any) -> None:
    store = Renewals()
    store.errors[1] = error
    with beating(store) as heartbeat, heartbeat.holding(lease(1)), heartbeat.holding(lease(2)):
        store.wait_for(1, more=3)
        store.wait_for(2, more=3)
