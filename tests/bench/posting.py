"""How many requests an api process accepts: POST async of a scale, against a bare application's `delay()`."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common.cluster import MirrorRecord
from common.passwords import admin_line, build_hasher
from tests.bench import place
from tests.bench.figure import Figure, at_least
from tests.bench.load import Report, build_post, call
from tests.bench.process import cpu_seconds
from tests.fakes.fleet import build_spec
from tests.servers import RedisServer

TOKEN = "Ty5wvW7LuQ3T"
RUNS = 3
REQUESTS = 1500
CREATES = 8
CONNECTIONS = 16


def records(count: int) -> list[MirrorRecord]:
    """Clusters of two, of twenty users who share a token."""
    owner_hash = build_hasher().hash(TOKEN)
    return [MirrorRecord(build_spec(number, replicas=2), 1, owner_hash) for number in range(count)]


def scale(port: int, record: MirrorRecord, **more: str) -> bytes:
    who = {"username": record.spec.user, "token": TOKEN}
    return build_post(port, "/v0/scale", {**who, "cluster_tag": record.spec.tag, "replicas": "3", **more})


def greet(port: int, found: Sequence[MirrorRecord]) -> list[bytes]:
    """One request of each user, so that the login is known: it counts for a minute."""
    users = sorted({record.spec.user for record in found})
    return [build_post(port, "/v0/list", {"username": user, "token": TOKEN}) for user in users]


def fill(server: RedisServer, found: Sequence[MirrorRecord]) -> None:
    """A Redis with these clusters and nothing else. A third of them at once: Lua's stack is not endless."""
    server.flush()
    with place.store_of(server) as store:
        for first in range(0, len(found), 500):
            store.rebuild(found[first : first + 500])


def measure(home: Path) -> list[Figure]:
    found = records(REQUESTS)
    kanto: list[float] = []
    floor: list[float] = []
    costs: list[float] = []
    bare_costs: list[float] = []
    with (
        place.redis_server(home) as server,
        place.web(home, "api", server) as (api, ours),
        place.web(home, "tests.bench.bare", server) as (bare, theirs),
    ):
        for number in range(RUNS + 1):
            fill(server, found)
            asyncio.run(call(ours, greet(ours, found), connections=1))
            scales = [scale(ours, record, **{"async": "1"}) for record in found]
            one, cost = load(ours, scales, pids=(api.pid, server.pid))
            other, bare_cost = load(theirs, [build_post(theirs, "/", {})] * REQUESTS, pids=(bare.pid, server.pid))
            if number > 0:  # the first is the warm-up
                kanto.append(one)
                floor.append(other)
                costs.append(cost)
                bare_costs.append(bare_cost)
        creates, hashes = creations(server, ours), [hash_rate() for _ in range(RUNS)]
    name = "a bare FastAPI application that calls a Celery task's delay() and nothing else, one process as well"
    return [
        Figure("POST async of a scale", "requests/s", kanto, name, floor, at_least(1.0)),
        Figure("CPU of api and Redis for one", "ms", costs, name, bare_costs),
        Figure("POST async of a create", "requests/s", creates, "the password's hash alone, in two threads", hashes),
    ]


def load(port: int, requests: Sequence[bytes], *, pids: Sequence[int]) -> tuple[float, float]:
    """Requests a second, and milliseconds of these processes' CPU a request."""
    before = sum(map(cpu_seconds, pids))
    report = asyncio.run(call(port, requests, connections=CONNECTIONS))
    assert report.statuses == {202: len(requests)}, report.statuses
    return rate(report), (sum(map(cpu_seconds, pids)) - before) / len(requests) * 1000


def creations(server: RedisServer, port: int) -> list[float]:
    """Rates of creates by users who are known."""
    rates = []
    for number in range(RUNS):
        known = records(20)
        fill(server, known)
        asyncio.run(call(port, greet(port, known), connections=1))
        who = {"username": "user00", "token": TOKEN, "replicas": "3", "async": "1"}
        posts = [build_post(port, "/v0/create", {**who, "cluster_tag": f"new-{number}-{n}"}) for n in range(CREATES)]
        rates.append(load(port, posts, pids=())[0])
    return rates


def hash_rate() -> float:
    """Admin lines a second, made as the api makes them."""
    began = time.monotonic()
    with ThreadPoolExecutor(2) as executor:
        list(executor.map(lambda n: admin_line(TOKEN, salt=f"{n:032x}", iterations=600_000), range(CREATES)))
    return CREATES / (time.monotonic() - began)


def rate(report: Report) -> float:
    return len(report.ends) / report.seconds
