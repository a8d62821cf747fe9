"""A count of conflicts is bounded in requests, documents and time, and says where it stopped."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from common.view import ConflictCount
from worker.core.observed import Instance
from worker.couch.client import Client
from worker.couch.conflicts import PAGE, READ_AT_ONCE, count_conflicts
from worker.ports import Credentials

ONE = Instance("one", "one", "http://one.test:5984", "", "running", serving=True)
LOGIN = Credentials("kanto-1", "Xy-the-secret-Zz")


@dataclass
class Couch:
    """A database of documents by number: those in `split` have two leaves, in `living` both are alive."""

    documents: int
    split: frozenset[int] = frozenset()
    living: frozenset[int] = frozenset()
    now: float = 0.0
    costs: float = 0.0
    breaks_at: int | None = None
    pages: list[int] = field(default_factory=list)
    read: list[int] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.now += self.costs
        if self.breaks_at is not None and len(self.pages) + len(self.read) >= self.breaks_at:
            return httpx.Response(200, json={"strange": True})
        answer = self._changes(request) if request.url.path.endswith("/_changes") else self._documents(request)
        return httpx.Response(200, json=answer)

    def _changes(self, request: httpx.Request) -> dict[str, Any]:
        since, limit = int(request.url.params["since"]), int(request.url.params["limit"])
        assert request.url.params["style"] == "all_docs"
        numbers = range(since, min(since + limit, self.documents))
        self.pages.append(len(numbers))
        rows = [
            {"id": str(n), "changes": [{"rev": "1-a"}, *([{"rev": "1-b"}] if n in self.split else [])]} for n in numbers
        ]
        return {"results": rows, "last_seq": str(numbers.stop), "pending": self.documents - numbers.stop}

    def _documents(self, request: httpx.Request) -> dict[str, Any]:
        keys = json.loads(request.content)["keys"]
        self.read.append(len(keys))
        assert request.url.params["conflicts"] == "true"
        return {"rows": [self._row(key) for key in keys]}

    def _row(self, key: str) -> dict[str, Any]:
        number = int(key)
        if number % 10 == 9:
            return {"id": key, "value": {"deleted": True}, "doc": None}
        return {"id": key, "doc": {"_id": key, **({"_conflicts": ["1-b"]} if number in self.living else {})}}


def count(couch: Couch, *databases: str, until: float = 100.0, **more: Any) -> tuple[ConflictCount, ...]:
    clock: Callable[[], float] = lambda: couch.now  # noqa: E731
    client = Client(connections=2, monotonic=clock, transport=httpx.MockTransport(couch))
    try:
        return count_conflicts(client.talk(ONE, LOGIN, until=1_000.0), databases, until=until, **more)
    finally:
        client.close()


def test_only_documents_with_more_than_one_leaf_are_read() -> None:
    couch = Couch(2 * PAGE + 5, split=frozenset({1, 2, 9, PAGE}), living=frozenset({1, PAGE}))
    assert count(couch, "test") == (ConflictCount("test", 2, is_complete=True),)
    assert couch.pages == [PAGE, PAGE, 5]
    assert couch.read == [3, 1]


def test_few_documents_are_read_at_once() -> None:
    many = frozenset(range(100))
    couch = Couch(100, split=many, living=many)
    assert count(couch, "test") == (ConflictCount("test", 90, is_complete=True),)
    assert couch.read == [READ_AT_ONCE] * 5


def test_an_empty_database_has_none() -> None:
    assert count(Couch(0), "test") == (ConflictCount("test", 0, is_complete=True),)


def test_the_documents_of_all_databases_together_are_bounded() -> None:
    couch = Couch(PAGE, split=frozenset({0}), living=frozenset({0}))
    counts = count(couch, "first", "second", "third", most=PAGE + 10)
    assert counts == (
        ConflictCount("first", 1, is_complete=True),
        ConflictCount("second", 1),
        ConflictCount("third"),
    )
    assert sum(couch.pages) == PAGE + 10


def test_when_the_time_is_up_it_says_at_least() -> None:
    couch = Couch(10 * PAGE, split=frozenset({0, PAGE}), living=frozenset({0, PAGE}), costs=1.0)
    assert count(couch, "first", "second", until=3.5) == (ConflictCount("first", 2), ConflictCount("second"))


def test_the_time_may_be_up_while_documents_are_read() -> None:
    many = frozenset(range(100))
    couch = Couch(100, split=many, living=many, costs=1.0)
    assert count(couch, "test", until=2.5) == (ConflictCount("test", 36),)


def test_an_answer_that_makes_no_sense_ends_the_count_and_no_more() -> None:
    couch = Couch(2 * PAGE, split=frozenset({0}), living=frozenset({0}), breaks_at=2)
    assert count(couch, "test", "other") == (ConflictCount("test", 1), ConflictCount("other"))
