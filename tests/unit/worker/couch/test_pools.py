"""A pool of connections for each address: kept, given back and closed."""

from collections.abc import Iterator

import httpx
import pytest

from worker.couch.pools import Pools


class Body(httpx.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield b"{}"


class Network:
    """Transports by the order they were made in; `closed` are the numbers of those that were closed."""

    def __init__(self) -> None:
        self.made = 0
        self.closed: list[int] = []
        self.asked: list[tuple[int, str]] = []
        self.is_down = False
        self.now = 0.0

    def build(self) -> httpx.BaseTransport:
        network, number = self, self.made
        network.made += 1

        class Transport(httpx.BaseTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                assert number not in network.closed
                if network.is_down:
                    raise httpx.ConnectError("connection refused")
                network.asked.append((number, request.url.host))
                return httpx.Response(200, stream=Body())

            def close(self) -> None:
                network.closed.append(number)

        return Transport()


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def pools(network: Network) -> Pools:
    return Pools(kept=2, idle_seconds=30, build=network.build, monotonic=lambda: network.now)


def ask(pools: Pools, host: str) -> None:
    begin(pools, host).close()


def begin(pools: Pools, host: str) -> httpx.Response:
    return pools.handle_request(httpx.Request("GET", f"http://{host}:5984/"))


def test_each_address_has_a_pool_of_its_own_and_keeps_it(network: Network, pools: Pools) -> None:
    for host in ("one", "two", "one", "two"):
        ask(pools, host)
    assert network.asked == [(0, "one"), (1, "two"), (0, "one"), (1, "two")]


def test_the_one_used_longest_ago_goes_when_there_are_too_many(network: Network, pools: Pools) -> None:
    for host in ("one", "two", "one", "three"):
        ask(pools, host)
    assert network.closed == [1]
    ask(pools, "one")
    assert network.asked[-1] == (0, "one")


def test_one_that_is_in_use_is_never_closed(network: Network, pools: Pools) -> None:
    answer = begin(pools, "one")
    for host in ("two", "three", "four"):
        ask(pools, host)
    assert 0 not in network.closed
    answer.close()
    ask(pools, "five")
    assert 0 in network.closed


def test_one_that_failed_is_not_in_use_any_more(network: Network, pools: Pools) -> None:
    network.is_down = True
    with pytest.raises(httpx.ConnectError):
        ask(pools, "one")
    network.is_down = False
    for host in ("two", "three"):
        ask(pools, host)
    assert network.closed == [0]


def test_idle_ones_are_closed_after_a_while(network: Network, pools: Pools) -> None:
    ask(pools, "one")
    network.now = 31.0
    ask(pools, "two")
    assert network.closed == [0]


def test_an_answer_closed_twice_is_given_back_once(network: Network, pools: Pools) -> None:
    first, second = begin(pools, "one"), begin(pools, "one")
    first.close()
    first.close()
    for host in ("two", "three", "four"):
        ask(pools, host)
    assert 0 not in network.closed
    second.close()


def test_closing_closes_all(network: Network, pools: Pools) -> None:
    ask(pools, "one")
    ask(pools, "two")
    pools.close()
    assert sorted(network.closed) == [0, 1]
