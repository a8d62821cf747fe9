"""How many requests an api process accepts: POST async of a scale, against a bare application's `delay()`."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from api.users import build_hasher
from common.cluster import MirrorRecord
from tests.bench import place
from tests.bench.figure import Figure, at_least
from tests.bench.load import Report, build_post, call
from tests.fakes.fleet import build_spec
from tests.servers import RedisServer

TOKEN = "Ty5wvW7LuQ3T"
RUNS = 3
REQUESTS = 1500
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
    with (
        place.redis_server(home) as server,
        place.web(home, "api", server) as (_, ours),
        place.web(home, "tests.bench.bare", server) as (_, theirs),
    ):
        for number in range(RUNS + 1):
            fill(server, found)
            asyncio.run(call(ours, greet(ours, found), connections=1))
            one = asyncio.run(call(ours, [scale(ours, r, **{"async": "1"}) for r in found], connections=CONNECTIONS))
            assert one.statuses == {202: REQUESTS}, one.statuses
            other = asyncio.run(call(theirs, [build_post(theirs, "/", {})] * REQUESTS, connections=CONNECTIONS))
            assert other.statuses == {202: REQUESTS}, other.statuses
            if number > 0:  # the first is the warm-up
                kanto.append(rate(one))
                floor.append(rate(other))
    return [
        Figure(
            "POST async of a scale",
            "requests/s",
            kanto,
            "a bare FastAPI application that calls a Celery task's delay() and nothing else, one process as well",
            floor,
            at_least(1.0),
        )
    ]


def rate(report: Report) -> float:
    return len(report.ends) / report.seconds
