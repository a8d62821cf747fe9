"""What an operator does to all clusters, on the store in memory."""

from collections.abc import Callable

import pytest

from common.cluster import ClusterKey
from common.jobs import JobStatus
from common.store.port import Outcome
from kanto.clusters import act
from kanto.commands import build_parser
from kanto.refusal import Refusal
from kanto.run.settings import RunSettings
from tests.contract.store.requests import creation, leased
from tests.twins.store.store import MemoryStore

KEYS = (ClusterKey("ann", "orders-db"), ClusterKey("ann", "people-db"), ClusterKey("bob", "orders-db"))


class Place:
    """A store with three clusters of two users, and a clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.store = MemoryStore(lambda: self.now)
        self.store.rebuild(())
        for key in KEYS:
            self.store.submit(creation(f"create-{key.user}-{key.tag}", key))
        self.meanwhile: Callable[[], None] = lambda: None

    def do(self, *words: str) -> list[str]:
        parsed = build_parser().parse_args(["clusters", *words])
        return list(act(self.store, parsed, RunSettings(), clock=lambda: self.now, sleep=self.sleep))

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()

    def deleted(self) -> list[ClusterKey]:
        return [key for key in KEYS if (record := self.store.cluster(key)) is None or record.spec.deleted]

    def remove_deleted(self) -> None:
        """What workers do to deleted clusters in the end."""
        for key in self.deleted():
            if self.store.cluster(key) is not None:
                self.store.release(leased(self.store, key), Outcome(30.0, ended=JobStatus.SUCCEEDED, gone=True))


def test_all_clusters_of_all_users_are_listed() -> None:
    assert Place().do("list") == [f"{key.user}\t{key.tag}\tunknown" for key in KEYS]


def test_nothing_goes_without_a_yes() -> None:
    place = Place()
    with pytest.raises(Refusal, match="--yes"):
        place.do("remove-all")
    assert place.deleted() == []


def test_every_cluster_is_deleted_and_waited_for() -> None:
    place = Place()
    place.meanwhile = place.remove_deleted
    lines = place.do("remove-all", "--yes")
    assert lines == [*(f"{key.user}\t{key.tag}\tbeing deleted" for key in KEYS), "3 deleted"]
    assert not place.store.clusters("ann")


def test_what_does_not_end_is_told() -> None:
    place = Place()
    with pytest.raises(Refusal, match="3 clusters are not gone after 5 s"):
        place.do("remove-all", "--yes", "--wait", "5")
    assert place.deleted() == list(KEYS)
