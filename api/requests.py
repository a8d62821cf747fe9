"""Each request gets an id and, probes apart, a line in the log: path, status, time.

Never a query string, which may hold a token.
"""

import re
from collections.abc import Callable
from random import Random

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.envelope import Words, internal
from api.meter import Meter
from common import log

HEADER = b"x-request-id"
REFUSED = "refused"
"""Where in a request's state the code of its refusal is noted."""

PROBES = frozenset({"/healthz", "/readyz"})
"""Asked again and again by whoever watches over kanto: counted, and not told."""

METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})

_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")


class RequestLog:
    """The outermost layer: whatever goes wrong inside is logged and answered as the envelope."""

    def __init__(self, app: ASGIApp, *, chance: Random, clock: Callable[[], float], meter: Meter | None = None) -> None:
        self._app = app
        self._meter = meter or Meter()
        self._chance = chance
        self._clock = clock
        self._log = log.get("api.requests")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._id_of(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started = self._clock()
        status = 0
        self._meter.began()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, request_id.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            except Exception:
                self._log.exception("a request failed by a mistake of kanto's")
                if status:
                    raise
                response = internal(Words("request"), request_id).response()
                await response(scope, receive, send_with_id)
            finally:
                took = self._clock() - started
                self._measure(scope, status, took)
                told = {"method": scope["method"], "path": scope["path"], "status": status, "ms": round(took * 1000)}
                if scope["path"] not in PROBES:
                    self._log.info("request", **told)

    def _measure(self, scope: Scope, status: int, took: float) -> None:
        """By the route's path and a known method, so that callers cannot make labels."""
        path = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._meter.ended(path, method, status, took)
        if refused := scope["state"].get(REFUSED):
            self._meter.refused(refused)

    def _id_of(self, scope: Scope) -> str:
        """The caller's own id if it is a plain one, so that logs on both sides can be joined; else a new one."""
        for name, value in scope["headers"]:
            if name == HEADER and _ID.fullmatch(value):
                return str(value, "ascii")
        return f"{self._chance.getrandbits(64):016x}"
