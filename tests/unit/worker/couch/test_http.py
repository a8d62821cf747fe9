"""What the adapter makes of answers and failures of HTTP, with a transport in the network's place."""

import json
import logging
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from common.errors import TemporaryError
from worker.core.observed import Down, Instance, Node, Unknown
from worker.core.ring import Wanted
from worker.couch.adapter import HttpCouch
from worker.couch.documents import build_replication
from worker.ports import Credentials

LOGIN = Credentials("kanto-1", "Xy-the-secret-Zz")
ONE, TWO = (Instance(n, n, f"http://{n}.test:5984", "", "running", serving=True) for n in ("one", "two"))
Handler = Callable[[httpx.Request], httpx.Response]

HEALTHY: dict[str, Any] = {
    "/_node/_local/_config": {"couchdb": {"uuid": "u"}, "admins": {"kanto-1": "-pbkdf2-a,b,10"}},
    "/_all_dbs": ["_replicator", "_users"],
    "/_replicator/_all_docs": {"rows": []},
    "/_scheduler/docs/_replicator": {"docs": []},
}


def healthy(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=HEALTHY[request.url.path])


def look(handler: Handler, **more: Any) -> Node | Down | Unknown:
    with HttpCouch(threads=2, transport=httpx.MockTransport(handler), **more) as couch:
        return couch.observe([ONE], LOGIN)["one"]


def raising(error: Exception) -> Handler:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise error

    return handler


def test_a_look_at_an_idle_instance_takes_three_requests() -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return healthy(request)

    assert look(handler) == Node("u", ("_replicator", "_users"), admins={})
    assert asked == ["/_node/_local/_config", "/_all_dbs", "/_replicator/_all_docs"]


def test_the_active_tasks_are_read_while_a_replication_has_told_nothing() -> None:
    document = build_replication("one", ONE, TWO, LOGIN)
    row = {"doc_id": document["_id"], "state": "running", "info": None}
    tasks: list[dict[str, Any]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        match request.url.path:
            case "/_replicator/_all_docs":
                return httpx.Response(200, json={"rows": [{"doc": document}]})
            case "/_scheduler/docs/_replicator":
                return httpx.Response(200, json={"docs": [row]})
            case "/_active_tasks":
                return httpx.Response(200, json=tasks)
        return healthy(request)

    def state() -> str:
        found = look(handler)
        assert isinstance(found, Node)
        return found.replications[0].state

    tasks.append({"type": "database_compaction"})
    assert state() == "initializing"
    tasks.append({"type": "replication", "doc_id": document["_id"]})
    assert state() == "running"
    tasks.clear()
    row["info"] = {"through_seq": "1-a"}
    assert state() == "running"


def test_every_request_logs_in_and_none_sends_a_cookie_back() -> None:
    seen: list[httpx.Headers] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        answer = healthy(request)
        answer.headers["set-cookie"] = "AuthSession=abc; Path=/"
        return answer

    look(handler)
    assert all("cookie" not in headers for headers in seen)
    assert all(headers["authorization"].startswith("Basic ") for headers in seen)


@pytest.mark.parametrize(
    "error",
    [httpx.ConnectError("[Errno 111] Connection refused"), httpx.ReadError("cut"), httpx.RemoteProtocolError("gone")],
)
def test_refused_and_cut_connections_are_down(error: Exception) -> None:
    assert isinstance(look(raising(error)), Down)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("t"),
        httpx.ConnectTimeout("t"),
        httpx.PoolTimeout("t"),
        httpx.DecodingError("d"),
        httpx.ConnectError("[Errno -3] Temporary failure in name resolution"),
        httpx.ConnectError("[Errno 113] No route to host"),
    ],
)
def test_silence_and_nonsense_are_unknown(error: Exception) -> None:
    assert isinstance(look(raising(error)), Unknown)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"couchdb": []}),
        httpx.Response(200, text=""),
        httpx.Response(302, headers={"location": "http://elsewhere.test/"}),
        httpx.Response(500, json={"error": "nodedown", "reason": "progress not possible"}),
        httpx.Response(404, json={"error": "not_found"}),
    ],
)
def test_answers_that_couchdb_would_not_give_are_unknown(answer: httpx.Response) -> None:
    assert isinstance(look(lambda _: answer), Unknown)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401, json={"error": "unauthorized", "reason": "Name or password is incorrect."}),
        httpx.Response(403, json={"error": "forbidden", "reason": "Account is temporarily locked due to failures"}),
    ],
)
def test_a_refused_login_is_unknown_and_says_so(answer: httpx.Response) -> None:
    seen = look(lambda _: answer)
    assert isinstance(seen, Unknown)
    assert "refuses kanto's own login" in seen.why


def test_a_read_whose_connection_was_cut_is_asked_once_more() -> None:
    cuts = [httpx.RemoteProtocolError("gone")]

    def handler(request: httpx.Request) -> httpx.Response:
        if cuts:
            raise cuts.pop()
        return healthy(request)

    assert isinstance(look(handler), Node)


def test_a_write_whose_connection_was_cut_is_not_repeated() -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.method)
        raise httpx.ReadError("cut")

    with HttpCouch(threads=2, transport=httpx.MockTransport(handler)) as couch, pytest.raises(TemporaryError):
        couch.create_databases(ONE, ["one"], LOGIN)
    assert asked == ["PUT"]


def test_no_request_begins_after_the_time_of_a_look() -> None:
    time = [0.0]

    def handler(request: httpx.Request) -> httpx.Response:
        time[0] += 3.0
        return healthy(request)

    seen = look(handler, look_seconds=5.0, monotonic=lambda: time[0])
    assert isinstance(seen, Unknown)
    assert time[0] == 6.0


def test_an_answer_that_drips_in_for_ever_is_given_up() -> None:
    time = [0.0]

    class Drip(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            while True:
                time[0] += 1.0
                yield b" "

    seen = look(lambda _: httpx.Response(200, stream=Drip()), look_seconds=5.0, monotonic=lambda: time[0])
    assert isinstance(seen, Unknown)
    assert time[0] <= 7.0


def test_all_databases_are_tried_before_an_error_is_raised() -> None:
    asked: set[str] = set()

    def handler(request: httpx.Request) -> httpx.Response:
        asked.add(request.url.raw_path.decode())
        bad = request.url.path == "/b"
        return httpx.Response(500 if bad else 201, json={"error": "odd"} if bad else {"ok": True})

    transport = httpx.MockTransport(handler)
    with HttpCouch(threads=2, transport=transport) as couch, pytest.raises(TemporaryError, match="/b"):
        couch.create_databases(ONE, ["a/x", "b", "c"], LOGIN)
    assert asked == {"/a%2Fx", "/b", "/c"}


class Replicator:
    """`_replicator` of an instance where somebody else writes at the wrong moment, `conflicts` times."""

    def __init__(self, conflicts: int) -> None:
        self.conflicts = conflicts
        self.revision = 1
        self.written: list[dict[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        if request.url.path == "/_replicator/_all_docs":
            (key,) = body["keys"]
            doc = {"_id": key, "_rev": f"{self.revision}-x"}
            return httpx.Response(200, json={"rows": [{"id": key, "value": {"rev": doc["_rev"]}, "doc": doc}]})
        (doc,) = body["docs"]
        if self.conflicts > 0:
            self.conflicts -= 1
            self.revision += 1
            return httpx.Response(
                201, json=[{"id": doc["_id"], "error": "conflict", "reason": "Document update conflict."}]
            )
        self.written.append(doc)
        return httpx.Response(201, json=[{"ok": True, "id": doc["_id"], "rev": "9-x"}])


def put(replicator: Handler) -> None:
    with HttpCouch(threads=2, transport=httpx.MockTransport(replicator)) as couch:
        couch.put_replications(ONE, [Wanted("one", "two", "db")], [ONE, TWO], LOGIN)


def test_a_conflict_is_read_again_and_written_again() -> None:
    replicator = Replicator(conflicts=2)
    put(replicator)
    assert [doc["_rev"] for doc in replicator.written] == ["3-x"]


def test_conflicts_without_end_are_given_up() -> None:
    with pytest.raises(TemporaryError, match="somebody else"):
        put(Replicator(conflicts=1000))


def test_a_document_that_is_refused_is_told_in_couchdbs_words() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/_replicator/_all_docs":
            return httpx.Response(200, json={"rows": [{"key": "k", "error": "not_found"}]})
        return httpx.Response(201, json=[{"id": "kanto:db:two", "error": "forbidden", "reason": "no such thing"}])

    with pytest.raises(TemporaryError, match="forbidden: no such thing"):
        put(handler)


def test_a_missing_replicator_is_made() -> None:
    made: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            made.append(request.url.path)
            return httpx.Response(201, json={"ok": True})
        if request.url.path == "/_replicator/_all_docs":
            return httpx.Response(404, json={"error": "not_found", "reason": "Database does not exist."})
        return httpx.Response(201, json=[{"ok": True, "id": "kanto:db:two", "rev": "1-x"}])

    put(handler)
    assert made == ["/_replicator"]


def test_a_replication_to_an_instance_that_is_gone_is_not_written() -> None:
    transport = httpx.MockTransport(raising(AssertionError()))
    with HttpCouch(threads=2, transport=transport) as couch, pytest.raises(TemporaryError, match="two"):
        couch.put_replications(ONE, [Wanted("one", "two", "db")], [ONE], LOGIN)


@pytest.mark.parametrize(
    "handler",
    [
        raising(httpx.ConnectError("Connection refused")),
        raising(httpx.ReadTimeout("t")),
        lambda _: httpx.Response(401, json={"error": "unauthorized", "reason": "no"}),
        lambda _: httpx.Response(500, text="<html>"),
        lambda _: httpx.Response(400, json={"error": "bad_request", "reason": "odd"}),
    ],
)
def test_no_error_and_no_log_holds_the_password(handler: Handler, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(TemporaryError) as caught:
        put(handler)
    seen = look(handler)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(seen) + caplog.text
    basic = httpx.BasicAuth(LOGIN.name, LOGIN.password)._auth_header.removeprefix("Basic ")
    assert LOGIN.password not in told
    assert basic not in told
