"""Many fake CouchDB servers in one process, which answer what a worker asks, each answer after a delay.

`python -m tests.fakes.couch COUNT DELAY`: COUNT servers, at `address(port, 0)` and on, all with one port, which is
printed when all listen. At 127.0.0.1 on that port it takes orders: /start, /end, /delay, and /asked tells what came.
"""

import asyncio
import base64
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

Answer = tuple[int, Any]
Json = dict[str, Any]

CONTROL = "127.0.0.1"

SECURITY = {"members": {"roles": ["_admin"]}, "admins": {"roles": ["_admin"]}}
"""Of every database, as CouchDB 3 has it before anybody sets it."""


def host(number: int) -> str:
    return f"127.9.{number // 250}.{number % 250 + 1}"


def address(port: int, number: int) -> str:
    return f"http://{host(number)}:{port}"


@dataclass
class Fake:
    """One server. Continuous replications run at once, one-shot ones have completed as soon as they are written."""

    uuid: str = ""
    login: str = ""
    databases: set[str] = field(default_factory=lambda: {"_replicator", "_users"})
    documents: dict[str, Json] = field(default_factory=dict)
    written: int = 0

    def answer(self, method: str, path: str, body: Any) -> Answer:
        match method, path:
            case "GET", _:
                found = self._read(path)
                return (404, {"error": "not_found"}) if found is None else (200, found)
            case "POST", "/_replicator/_all_docs":
                return 200, {"rows": [_row(d) for key in body["keys"] if (d := self.documents.get(key))]}
            case "POST", "/_replicator/_bulk_docs":
                return 201, [self._write(document) for document in body["docs"]]
            case "PUT", _ if path.count("/") == 1:
                return self._create(unquote(path[1:]))
        return 405, {"error": "method_not_allowed", "reason": "a fake knows no such thing"}

    def _read(self, path: str) -> Any:
        match path:
            case "/_node/_local/_config":
                return {"couchdb": {"uuid": self.uuid}}
            case "/_all_dbs":
                return sorted(self.databases)
            case "/_replicator/_all_docs":
                return {"rows": [_row(document) for document in self.documents.values()]}
            case "/_scheduler/docs/_replicator":
                return {"docs": [_scheduled(document) for document in self.documents.values()]}
        name, _, rest = unquote(path[1:]).rpartition("/")
        return SECURITY if rest == "_security" and name in self.databases else None

    def _create(self, name: str) -> Answer:
        if name in self.databases:
            return 412, {"error": "file_exists"}
        self.databases.add(name)
        return 201, {"ok": True}

    def _write(self, document: Json) -> Json:
        found = self.documents.get(document["_id"], {})
        if found.get("_rev") != document.get("_rev"):
            return {"id": document["_id"], "error": "conflict", "reason": "Document update conflict."}
        self.written += 1
        kept = {**document, "_rev": f"{self.written}-fake"}
        if not document.get("continuous"):
            kept |= {"_replication_state": "completed", "_replication_stats": {"doc_write_failures": 0}}
        self.documents[document["_id"]] = kept
        if document.get("_deleted"):
            del self.documents[document["_id"]]
        return {"ok": True, "id": document["_id"], "rev": kept["_rev"]}


def _row(document: Json) -> Json:
    return {"id": document["_id"], "key": document["_id"], "value": {"rev": document["_rev"]}, "doc": document}


def _scheduled(document: Json) -> Json:
    info = {"changes_pending": 0, "doc_write_failures": 0, "docs_written": 0, "through_seq": "0"}
    return {"doc_id": document["_id"], "state": "running", "info": info}


class Fleet:
    """All servers by host. `asked` are the requests that change something: when (monotonic), to whom, and which."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        self.requests = 0
        self.asked: list[tuple[float, str, str]] = []
        self._servers: dict[str, Fake] = {}

    def answer(self, at: str, login: str, method: str, path: str, body: Any) -> Answer:
        if at == CONTROL:
            return self._order(path, body)
        self.requests += 1
        server = self._servers.get(at)
        if server is None:
            return 503, {"error": "not_started"}
        if login != server.login:
            return 401, {"error": "unauthorized", "reason": "Name or password is incorrect."}
        if method != "GET" and not path.endswith("/_all_docs"):
            self.asked.append((time.monotonic(), at, f"{method} {path}"))
        return server.answer(method, path, body)

    def _order(self, path: str, body: Any) -> Answer:
        match path:
            case "/start":
                login = base64.b64encode(f"{body['name']}:{body['password']}".encode()).decode()
                self._servers.setdefault(body["host"], Fake(uuid=body["uuid"], login=f"Basic {login}"))
            case "/end":
                self._servers.pop(body["host"], None)
            case "/delay":
                self.delay = float(body["seconds"])
            case "/asked":
                return 200, {"asked": self.asked, "requests": self.requests}
        return 200, {}


class Connection(asyncio.Protocol):
    """HTTP/1.1, one request after the other, as much of it as a worker's client uses."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._buffer = b""
        self._host = ""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._host = transport.get_extra_info("sockname")[0]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            line, *rest = self._buffer[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (text.partition(": ") for text in rest)}
            length = int(headers.get("content-length", "0"))
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            method, target, _ = line.split(" ")
            given = json.loads(body) if body else None
            login = headers.get("authorization", "")
            self._answer(self._fleet.answer(self._host, login, method, urlsplit(target).path, given))

    def _answer(self, answer: Answer) -> None:
        status, value = answer
        body = json.dumps(value).encode()
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        delay = 0.0 if self._host == CONTROL else self._fleet.delay
        if delay:
            asyncio.get_running_loop().call_later(delay, self._write, head.encode() + body)
        else:
            self._write(head.encode() + body)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


async def serve(count: int, delay: float, say: Callable[[int], None]) -> None:
    loop = asyncio.get_running_loop()
    fleet = Fleet(delay)
    control = await loop.create_server(lambda: Connection(fleet), CONTROL, 0)
    port = control.sockets[0].getsockname()[1]
    hosts = [host(number) for number in range(count)]
    fakes = await loop.create_server(lambda: Connection(fleet), hosts, port, backlog=64)
    say(port)
    async with control, fakes:
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]), lambda port: print(port, flush=True)))
