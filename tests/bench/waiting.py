"""500 clients that wait for their jobs in one api process: what they cost, and how soon each hears of the end."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from common.cluster import MirrorRecord
from common.jobs import JobStatus
from common.store.port import Outcome
from common.store.redis import RedisStore
from tests.bench import place
from tests.bench.figure import Figure, percentile
from tests.bench.load import Report, call
from tests.bench.posting import fill, greet, records, scale
from tests.bench.process import memory_mib, wait_until
from tests.servers import RedisServer

CLIENTS = 500
ALONE = 40
RUNS = 2
PAUSE = 0.005
"""Between the ends of two jobs: 200 a second, more than a worker ends."""


def measure(home: Path) -> list[Figure]:
    many: list[list[float]] = []
    alone: list[list[float]] = []
    with place.redis_server(home) as server, place.web(home, "api", server) as (api, port):
        found = records(CLIENTS)
        prepare(server, port, found)
        before, most = memory_mib(api.pid), 0.0
        for number in range(RUNS + 1):
            prepare(server, port, found)
            seen, memory = asyncio.run(wait_all(server, port, found, pid=api.pid))
            most = max(most, memory)
            prepare(server, port, found)
            one = [asyncio.run(wait_all(server, port, [record], pid=api.pid))[0][0] for record in found[:ALONE]]
            if number > 0:  # the first is the warm-up
                many.append(seen)
                alone.append(one)
    floor = "one client that waits alone"
    return [
        Figure(f"end of a job to its answer, {CLIENTS} wait, median", "ms", _ms(many, 0.5), floor, _ms(alone, 0.5)),
        Figure(f"end of a job to its answer, {CLIENTS} wait, p99", "ms", _ms(many, 0.99), floor, _ms(alone, 0.99)),
        Figure(f"the api's memory while {CLIENTS} wait", "MiB", [most], "the same api before", [before]),
    ]


def _ms(runs: Sequence[Sequence[float]], part: float) -> list[float]:
    return [percentile(run, part) * 1000 for run in runs]


def prepare(server: RedisServer, port: int, found: Sequence[MirrorRecord]) -> None:
    fill(server, found)
    asyncio.run(call(port, greet(port, found), connections=1))


async def wait_all(
    server: RedisServer, port: int, found: Sequence[MirrorRecord], *, pid: int
) -> tuple[list[float], float]:
    """The seconds from each end to its answer, and the api's memory while all waited."""
    requests = [scale(port, record) for record in found]
    answers = asyncio.ensure_future(call(port, requests, connections=len(found)))
    ended, memory = await asyncio.to_thread(end_all, server, found, pid)
    report: Report = await answers
    assert report.statuses == {200: len(found)}, report.statuses
    return [report.ends[number] - at for number, at in enumerate(ended)], memory


def end_all(server: RedisServer, found: Sequence[MirrorRecord], pid: int) -> tuple[list[float], float]:
    """As a worker would, once all have their jobs. When each end was begun."""
    times = []
    with place.store_of(server) as store:
        wait_until(lambda: all(has_job(store, record) for record in found), "every job to be accepted")
        memory = memory_mib(pid)
        for record in found:
            lease = store.acquire(record.spec.key, "bench", ttl=60.0)
            assert lease is not None
            times.append(time.monotonic())
            store.release(lease, Outcome(due_in=600.0, ended=JobStatus.SUCCEEDED))
            time.sleep(PAUSE)
    return times, memory


def has_job(store: RedisStore, record: MirrorRecord) -> bool:
    found = store.cluster(record.spec.key)
    return found is not None and found.job is not None
