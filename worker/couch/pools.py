"""Connections to many instances: a small pool for each address, since one pool for all gets slow.

httpcore's pool looks at each of its connections, for each of its connections, under one lock, whenever a request
begins or ends (httpcore 1.0.9, `_assign_requests_to_connections`): with 120 of them, 7 ms of CPU a request instead of
half a millisecond.
"""

import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import httpx

Origin = tuple[str, str, int | None]


@dataclass(slots=True)
class Pool:
    """The connections to one address. `users` are requests whose answers are not read to the end yet."""

    transport: httpx.BaseTransport
    users: int = 0
    used_at: float = 0.0


def build_pools(
    *, kept: int, connections: int, idle_seconds: float, monotonic: Callable[[], float] = time.monotonic
) -> "Pools":
    """Pools of the network, each of at most so many connections."""
    limits = httpx.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=idle_seconds
    )
    context = ssl.create_default_context()  # made once: it takes longer than many requests

    def build() -> httpx.HTTPTransport:
        return httpx.HTTPTransport(verify=context, trust_env=False, limits=limits)

    return Pools(kept=kept, idle_seconds=idle_seconds, build=build, monotonic=monotonic)


class Pools(httpx.BaseTransport):
    """At most `kept` pools, beside those that are in use; one that is idle for `idle_seconds` is closed as well.

    `build` makes a pool. May be used from many threads.
    """

    def __init__(
        self,
        *,
        kept: int,
        idle_seconds: float,
        build: Callable[[], httpx.BaseTransport],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kept = kept
        self._idle_seconds = idle_seconds
        self._build = build
        self._monotonic = monotonic
        self._pools: OrderedDict[Origin, Pool] = OrderedDict()  # the one used last is the last
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        pool = self._borrow((request.url.scheme, request.url.host, request.url.port))
        try:
            response = pool.transport.handle_request(request)
        except BaseException:
            self._give_back(pool)
            raise
        stream = cast("httpx.SyncByteStream", response.stream)
        response.stream = Borrowed(stream, lambda: self._give_back(pool))
        return response

    def close(self) -> None:
        with self._lock:
            pools = list(self._pools.values())
            self._pools.clear()
        for pool in pools:
            pool.transport.close()

    def _borrow(self, origin: Origin) -> Pool:
        with self._lock:
            pool = self._pools.get(origin)
            if pool is None:
                pool = self._pools[origin] = Pool(self._build())
            self._pools.move_to_end(origin)
            pool.users += 1
            surplus = self._take_surplus()
        for one in surplus:
            one.transport.close()
        return pool

    def _give_back(self, pool: Pool) -> None:
        with self._lock:
            pool.users -= 1
            pool.used_at = self._monotonic()

    def _take_surplus(self) -> list[Pool]:
        """Those that nobody uses and that are too old or too many, the oldest first."""
        long_ago = self._monotonic() - self._idle_seconds
        excess = len(self._pools) - self._kept
        found: list[Origin] = []
        for origin, pool in self._pools.items():
            if pool.users > 0:
                continue
            if len(found) >= excess and pool.used_at > long_ago:
                break
            found.append(origin)
        return [self._pools.pop(origin) for origin in found]


class Borrowed(httpx.SyncByteStream):
    """An answer's body, whose pool is given back when it is closed."""

    def __init__(self, stream: httpx.SyncByteStream, give_back: Callable[[], None]) -> None:
        self._stream = stream
        self._give_back = give_back
        self._is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            try:
                self._stream.close()
            finally:
                self._give_back()
