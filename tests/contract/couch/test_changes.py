"""The changes of a database: pages, sequences, pending, and the feeds that wait."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

from tests.contract.couch.answers import expect
from tests.contract.couch.couch import Couch


@pytest.fixture
def three(couch: Couch, db: str) -> str:
    """A database in which `a` was written twice and `b` once: two changes, the last at sequence 3."""
    rev = couch.client.put(f"/{db}/a", json={"n": 1}).json()["rev"]
    couch.client.put(f"/{db}/b", json={"n": 2})
    couch.client.put(f"/{db}/a", json={"n": 3, "_rev": rev})
    return db


def test_each_document_is_in_the_changes_once(couch: Couch, three: str) -> None:
    body = expect(couch.client.get(f"/{three}/_changes"), "changes_normal")
    assert [row["id"] for row in body["results"]] == ["b", "a"]
    assert body["last_seq"] == body["results"][-1]["seq"]
    assert body["last_seq"].startswith("3-")


def test_all_leaves_are_told_when_asked(couch: Couch, three: str) -> None:
    docs = [{"_id": "c", "_rev": f"1-{digit * 32}"} for digit in "ab"]
    couch.client.post(f"/{three}/_bulk_docs", json={"new_edits": False, "docs": docs})
    body = expect(couch.client.get(f"/{three}/_changes", params={"style": "all_docs"}), "changes_all_docs_style")
    assert {change["rev"][2] for change in body["results"][-1]["changes"]} == {"a", "b"}


def test_a_deletion_is_a_change(couch: Couch, three: str) -> None:
    rev = couch.client.get(f"/{three}/b").json()["_rev"]
    couch.client.delete(f"/{three}/b", params={"rev": rev})
    row = couch.client.get(f"/{three}/_changes").json()["results"][-1]
    assert (row["id"], row["deleted"]) == ("b", True)


def test_documents_come_along_when_asked(couch: Couch, three: str) -> None:
    rows = couch.client.get(f"/{three}/_changes", params={"include_docs": "true"}).json()["results"]
    assert [row["doc"]["n"] for row in rows] == [2, 3]


def test_pending_counts_what_is_left(couch: Couch, three: str) -> None:
    none = expect(couch.client.get(f"/{three}/_changes", params={"limit": 0}), "changes_limit0_pending")
    assert (none["results"], none["pending"]) == ([], 2)
    one = couch.client.get(f"/{three}/_changes", params={"limit": 1}).json()
    assert (len(one["results"]), one["pending"]) == (1, 1)
    rest = couch.client.get(f"/{three}/_changes", params={"since": one["last_seq"]}).json()
    assert (len(rest["results"]), rest["pending"]) == (1, 0)


def test_pending_follows_new_writes(couch: Couch, three: str) -> None:
    since = couch.client.get(f"/{three}/_changes").json()["last_seq"]
    asked: dict[str, str | int] = {"since": since, "limit": 0}
    assert couch.client.get(f"/{three}/_changes", params=asked).json()["pending"] == 0
    couch.client.post(f"/{three}/_bulk_docs", json={"docs": [{"_id": f"n{n}"} for n in range(7)]})
    assert couch.client.get(f"/{three}/_changes", params=asked).json()["pending"] == 7


def test_pending_counts_a_document_once(couch: Couch, three: str) -> None:
    assert couch.client.get(f"/{three}/_changes", params={"limit": 0}).json()["pending"] == 2
    since = couch.client.get(f"/{three}/_changes").json()["last_seq"]
    asked: dict[str, str | int] = {"since": since, "limit": 0}
    rev = couch.client.get(f"/{three}/b").json()["_rev"]
    for _ in range(2):
        rev = couch.client.put(f"/{three}/b", json={"_rev": rev}).json()["rev"]
        assert couch.client.get(f"/{three}/_changes", params=asked).json()["pending"] == 1


def test_nothing_is_after_now(couch: Couch, three: str) -> None:
    body = expect(couch.client.get(f"/{three}/_changes", params={"since": "now"}), "changes_since_now")
    assert (body["results"], body["pending"]) == ([], 0)
    since = {"since": body["last_seq"], "limit": 1}
    assert couch.client.get(f"/{three}/_changes", params=since).json()["results"] == []


def test_only_asked_documents_with_a_filter(couch: Couch, three: str) -> None:
    params = {"filter": "_doc_ids"}
    rows = couch.client.post(f"/{three}/_changes", params=params, json={"doc_ids": ["b"]}).json()["results"]
    assert [row["id"] for row in rows] == ["b"]
    selector = {"selector": {"n": 3}}
    found = couch.client.post(f"/{three}/_changes", params={"filter": "_selector"}, json=selector).json()["results"]
    assert [row["id"] for row in found] == ["a"]


def test_a_long_poll_ends_at_its_time_out(couch: Couch, three: str) -> None:
    params: dict[str, str | int] = {"feed": "longpoll", "since": "now", "timeout": 300}
    body = expect(couch.client.get(f"/{three}/_changes", params=params), "changes_longpoll_timeout")
    assert body["results"] == []


def test_a_long_poll_answers_at_once_when_there_is_something(couch: Couch, three: str) -> None:
    body = couch.client.get(f"/{three}/_changes", params={"feed": "longpoll", "since": 0}).json()
    assert [row["id"] for row in body["results"]] == ["b", "a"]


def test_a_long_poll_waits_for_a_write(couch: Couch, three: str) -> None:
    since = couch.client.get(f"/{three}/_changes").json()["last_seq"]
    answers: list[httpx.Response] = []
    params = {"feed": "longpoll", "since": since, "timeout": 20000, "heartbeat": 100}

    def ask() -> None:
        with couch.as_user(couch.admin, couch.password) as other:
            answers.append(other.get(f"/{three}/_changes", params=params))

    asking = threading.Thread(target=ask)
    asking.start()
    couch.client.put(f"/{three}/new", json={})
    asking.join(30)
    assert [row["id"] for row in answers[0].json()["results"]] == ["new"]


@contextmanager
def open_feed(couch: Couch, db: str, **params: str) -> Iterator[Iterator[str]]:
    """The lines of a continuous feed."""
    with couch.client.stream("GET", f"/{db}/_changes", params={"feed": "continuous", **params}) as answer:
        assert answer.status_code == 200
        yield answer.iter_lines()


def test_a_continuous_feed_ends_at_its_time_out(couch: Couch, three: str) -> None:
    with open_feed(couch, three, timeout="300") as lines:
        rows = [json.loads(line) for line in lines if line]
    assert [row.get("id") for row in rows] == ["b", "a", None]
    assert set(rows[-1]) == {"last_seq", "pending"}


def test_a_continuous_feed_tells_writes_as_they_come(couch: Couch, three: str) -> None:
    with open_feed(couch, three, since="now", heartbeat="100") as lines:
        for name in ("x", "y"):
            couch.client.put(f"/{three}/{name}", json={})
            row = next(json.loads(line) for line in lines if line)
            assert row["id"] == name


def test_a_continuous_feed_beats_while_it_waits(couch: Couch, three: str) -> None:
    with open_feed(couch, three, since="now", heartbeat="100") as lines:
        assert [next(lines), next(lines)] == ["", ""]


def test_a_continuous_feed_ends_at_its_limit(couch: Couch, three: str) -> None:
    with open_feed(couch, three, limit="1", timeout="20000") as lines:
        rows = [json.loads(line) for line in lines if line]
    assert rows[0]["id"] == "b"


def test_an_event_source_tells_data_and_ids(couch: Couch, three: str) -> None:
    params = {"feed": "eventsource", "timeout": "300"}
    with couch.client.stream("GET", f"/{three}/_changes", params=params) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line.startswith(("data: {", "id: "))]
    assert json.loads(lines[0].removeprefix("data: "))["id"] == "b"
    assert lines[1].startswith("id: ")


def test_a_feed_ends_when_its_database_is_deleted(couch: Couch, three: str) -> None:
    with (
        couch.as_user(couch.admin, couch.password) as other,
        open_feed(couch, three, since="now", heartbeat="100") as lines,
    ):
        next(lines)
        assert other.delete(f"/{three}").status_code == 200
        with suppress(httpx.TransportError):  # an end or a cut, but no waiting for ever
            assert not [line for line in lines if "changes" in line]
