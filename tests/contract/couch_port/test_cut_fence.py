"""A worker may die after any request of fencing and unfencing, and the server may restart right then (hazards H8)."""

from typing import Any

import httpx
import pytest

from common.errors import TemporaryError
from worker.core.observed import Fence, Node
from worker.couch.adapter import HttpCouch

from .rings import HttpRing
from .servers import Server

NONCE = "c0ffee"
MOST_REQUESTS = 60


class Cutting(httpx.BaseTransport):
    """The network of a worker that dies after so many requests."""

    def __init__(self, requests: int) -> None:
        self.left = requests
        self._network = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.left == 0:
            raise httpx.ConnectError("the worker is dead")
        self.left -= 1
        return self._network.handle_request(request)

    def close(self) -> None:
        self._network.close()


@pytest.fixture
def http_ring(servers: list[Server], http_couch: HttpCouch) -> HttpRing:
    """One fresh instance with the database `one`."""
    servers[0].renew()
    servers[0].wait()
    ring = HttpRing(servers[:1], http_couch)
    ring.couch.create_databases(ring.instances[0], ["one"], ring.credentials)
    return ring


def settings(ring: HttpRing) -> dict[str, Any]:
    """The whole configuration, without empty sections."""
    found = ring.servers[0].call("GET", "/_node/_local/_config")
    return {section: values for section, values in found.items() if values}


def look(ring: HttpRing) -> Node | None:
    seen = ring.couch.observe(ring.instances, ring.credentials)["cdb-0"]
    return seen if isinstance(seen, Node) else None


def fence_until_cut(ring: HttpRing, requests: int) -> bool:
    """Fence with a worker that dies after so many requests. Whether it lived to see the fence stand."""
    transport = Cutting(requests)
    with HttpCouch(threads=2, transport=transport) as couch:
        while True:
            try:
                couch.fence(ring.instances[0], NONCE, ring.credentials)
            except TemporaryError:
                if transport.left == 0:
                    return False
            ring.until(lambda: look(ring), "it answers")
            node = look(ring)
            if node is not None and node.fence == Fence(NONCE):
                return True


def fence_whole(ring: HttpRing) -> None:
    assert fence_until_cut(ring, 10_000)


def check_that_a_fence_that_is_told_holds(ring: HttpRing, what: str) -> None:
    node = look(ring)
    assert node is not None
    if node.fence == Fence(NONCE):
        assert not ring.write("cdb-0", "one", "late"), what


def test_a_fence_cut_after_any_request_is_never_told_too_early_and_is_finished_or_undone(http_ring: HttpRing) -> None:
    ring = http_ring
    before = settings(ring)
    for requests in range(1, MOST_REQUESTS):
        is_whole = fence_until_cut(ring, requests)
        check_that_a_fence_that_is_told_holds(ring, f"cut after {requests}")
        ring.servers[0].call("POST", "/_node/_local/_restart", {})
        ring.until(lambda: look(ring), "it answers after the restart")
        check_that_a_fence_that_is_told_holds(ring, f"cut after {requests}, then a restart")
        if requests % 2:
            fence_whole(ring)
            assert not ring.write("cdb-0", "one", "late"), f"cut after {requests}, then finished"
        ring.couch.unfence(ring.instances[0], ring.credentials)
        assert settings(ring) == before, f"cut after {requests}, then undone"
        assert ring.write("cdb-0", "one", f"again-{requests}")
        if is_whole:
            return
    pytest.fail(f"the fence takes more than {MOST_REQUESTS} requests")


def test_an_unfence_cut_after_any_request_tells_no_fence_and_is_finished_by_the_next(http_ring: HttpRing) -> None:
    ring = http_ring
    ring.servers[0].call("PUT", "/_node/_local/_config/chttpd/require_valid_user_except_for_up", "true")
    ring.servers[0].call("PUT", "/_node/_local/_config/chttpd_auth_lockout/mode", "warn")
    before = settings(ring)
    for requests in range(1, MOST_REQUESTS):
        fence_whole(ring)
        transport = Cutting(requests)
        with HttpCouch(threads=2, transport=transport) as couch:
            is_whole = True
            try:
                couch.unfence(ring.instances[0], ring.credentials)
            except TemporaryError:
                is_whole = False
        node = look(ring)
        assert node is not None
        if requests > 1:
            assert node.fence != Fence(NONCE)
        if requests % 2:
            fence_whole(ring)
            assert not ring.write("cdb-0", "one", "late")
        ring.couch.unfence(ring.instances[0], ring.credentials)
        assert settings(ring) == before, f"cut after {requests}"
        if is_whole:
            return
    pytest.fail(f"unfencing takes more than {MOST_REQUESTS} requests")
