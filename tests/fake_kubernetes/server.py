"""The API server: Kubernetes' HTTP in front of the objects, with faults to be had."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.fake_kubernetes.controllers import Controllers
from tests.fake_kubernetes.objects import Json, Objects, Refused, is_chosen

GATE_CLOSED = 60.0
"""Seconds for which a call that hangs does so at most."""


@dataclass(frozen=True, slots=True)
class Request:
    """`verb` and `plural` as a Role names them, a subresource with its slash."""

    verb: str
    plural: str
    name: str
    query: dict[str, str]
    body: Json
    content: str


@dataclass
class Fault:
    """What befalls the next `times` calls that `meets` chooses: a refusal, or no answer at all."""

    meets: Callable[[Request], bool]
    refusal: Refused | None
    times: int = 1_000_000


class FakeKubernetes:
    """One namespace, on a port of the loopback while it is entered."""

    def __init__(self, namespace: str = "clusters") -> None:
        self.objects = Objects(namespace)
        self.controllers = Controllers(self.objects)
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.woken = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"fake": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.woken.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)

    # what befalls

    def refuse(self, verb: str, plural: str, refusal: Refused, *, times: int = 1_000_000) -> None:
        self.faults.append(Fault(lambda r: (r.verb, r.plural) == (verb, plural), refusal, times))

    def forbid(self, verb: str, plural: str) -> None:
        """As RBAC says it."""
        said = f'{plural} is forbidden: User "kanto" cannot {verb} resource "{plural}" in API group "" in the namespace'
        self.refuse(verb, plural, Refused(403, "Forbidden", f'{said} "{self.objects.namespace}"'))

    def hang(self, verb: str, plural: str) -> None:
        """No answer until the end of the test."""
        self.faults.append(Fault(lambda r: (r.verb, r.plural) == (verb, plural), None))

    def change(self) -> "_Changing":
        """For whoever else writes: the lock, and the controllers afterwards."""
        return _Changing(self)

    # what it does

    def answer(self, request: Request) -> Json:
        self._meet_faults(request)
        with self.objects.lock:
            self.requests.append(request)
            found = self._do(request)
            copied: Json = json.loads(json.dumps(found))
            if request.plural == "pods" and request.verb == "list":
                self.controllers.start_pods()
            if request.verb not in ("get", "list"):
                self.controllers.settle()
            return copied

    def _meet_faults(self, request: Request) -> None:
        for fault in self.faults:
            if fault.times > 0 and fault.meets(request):
                fault.times -= 1
                if fault.refusal is not None:
                    raise fault.refusal
                self.woken.wait(GATE_CLOSED)

    def _do(self, r: Request) -> Json:
        manager = r.query.get("fieldManager", "")
        plural = r.plural.partition("/")[0]
        match r.verb:
            case "list":
                items = [
                    thing
                    for thing in self.objects.all(plural)
                    if is_chosen(thing, r.query.get("labelSelector", ""), r.query.get("fieldSelector", ""))
                ]
                return {"items": items, "metadata": {"resourceVersion": str(self.objects.version)}}
            case "get":
                return self.objects.get(plural, r.name)
            case "create":
                return self.objects.create(plural, r.body, manager=manager)
            case "delete":
                if r.body.get("dryRun"):
                    return self.objects.get(plural, r.name)
                return self.objects.delete(plural, r.name, uid=(r.body.get("preconditions") or {}).get("uid"))
            case _:
                return self._patch(r, plural, manager)

    def _patch(self, r: Request, plural: str, manager: str) -> Json:
        if "apply" in r.content:
            return self.objects.apply(plural, r.body, manager=manager, force=r.query["force"] == "true")
        if "strategic" in r.content:
            self.objects.patch(plural, r.name, {"metadata": r.body.get("metadata", {})})
            return self.objects.set_conditions(plural, r.name, r.body["status"]["conditions"])
        return self.objects.patch(plural, r.name, r.body)

    def watch(self, request: Request, send: Callable[[Json], None]) -> None:
        self._meet_faults(request)
        ends = time.monotonic() + float(request.query["timeoutSeconds"])
        seen = int(request.query["resourceVersion"])
        with self.objects.lock:
            self.requests.append(request)
            if seen < self.objects.compacted:
                send({"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}})
                return
            while (left := ends - time.monotonic()) > 0 and not self.woken.is_set():
                for version, plural, kind, thing in list(self.objects.events):
                    if version > seen and plural == request.plural:
                        seen = version
                        if is_chosen(thing, request.query.get("labelSelector", ""), ""):
                            send({"type": kind, "object": thing})
                self.objects.changed.wait(min(left, 0.2))


class _Changing:
    def __init__(self, fake: FakeKubernetes) -> None:
        self._fake = fake

    def __enter__(self) -> Objects:
        self._fake.objects.lock.acquire()
        return self._fake.objects

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._fake.controllers.settle()
        finally:
            self._fake.objects.lock.release()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    fake: FakeKubernetes

    def do_GET(self) -> None:
        request = self._read()
        try:
            if request.verb == "watch":
                self._stream(request)
            else:
                self._answer(201 if request.verb == "create" else 200, self.fake.answer(request))
        except Refused as refused:
            status = {"kind": "Status", "reason": refused.reason, "message": str(refused), "code": refused.status}
            self._answer(refused.status, status, refused.headers)

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def _read(self) -> Request:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        plural, *rest = parts.path.partition("/namespaces/")[2].split("/")[1:]
        name, part = [*rest, "", ""][:2]
        verbs = {"POST": "create", "PATCH": "patch", "DELETE": "delete", "GET": "get" if name else "list"}
        length = int(self.headers.get("Content-Length") or 0)
        body: Json = json.loads(self.rfile.read(length)) if length else {}
        return Request(
            verb="watch" if query.get("watch") == "true" else verbs[self.command],
            plural=f"{plural}/{part}" if part else plural,
            name=name,
            query=query,
            body=body,
            content=self.headers.get("Content-Type", ""),
        )

    def _answer(self, status: int, body: Json, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, request: Request) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()

        def send(event: Json) -> None:
            self.wfile.write(json.dumps(event).encode() + b"\n")
            self.wfile.flush()

        with suppress(ConnectionError):
            self.fake.watch(request, send)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet."""
