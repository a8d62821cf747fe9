"""From a wake-up to the begin of its step, lease in hand, against a bare Celery task's `delay()` to its first line."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from common.wakeup import WakeUps
from tests.bench import place
from tests.bench.bare_task import build_task
from tests.bench.figure import Figure, percentile
from tests.bench.process import Process, wait_until
from tests.fakes.fleet import Fleet, build_spec
from tests.servers import RedisServer

CLUSTERS = 20
RUNS = 2
WAKES = 250
PAUSE = 0.01


def measure(home: Path) -> list[Figure]:
    with place.redis_server(home) as server:
        kanto = [*of_kanto(home, server)]
        floor = [*of_celery(home, server)]
    name = "a bare Celery task's delay() to its first line, in a worker of the same settings"
    return [
        Figure("wake-up to step, median", "ms", _ms(kanto, 0.5), name, _ms(floor, 0.5)),
        Figure("wake-up to step, p99", "ms", _ms(kanto, 0.99), name, _ms(floor, 0.99)),
    ]


def _ms(runs: Sequence[Sequence[float]], part: float) -> list[float]:
    return [percentile(run, part) * 1000 for run in runs]


def of_kanto(home: Path, server: RedisServer) -> list[list[float]]:
    """Each run's delays in seconds."""
    folder = home / "fleet"
    with Fleet(folder, server.url, servers=CLUSTERS * 4, settings={"KANTO_UPKEEP_INTERVAL": "3600"}) as fleet:
        fleet.store.rebuild(())
        fleet.start_workers(1)
        fleet.wait_for(fleet.create(range(CLUSTERS), replicas=2))
        keys = [build_spec(number, replicas=2).key for number in range(CLUSTERS)]
        wake_ups = WakeUps(server.url)
        runs = []
        for _ in range(RUNS + 1):
            sent = send(lambda number: wake_ups.send(keys[number % CLUSTERS]))
            wait_until(partial(_have_begun, fleet, since=sent[0]), "every step to begin")
            begun = [(e.at, e.key) for e in fleet.entries() if e.what == "begun" and e.at >= sent[0]]
            runs.append(_delays(sent, [str(key) for key in keys], begun))
        fleet.stop_workers()
    return runs[1:]  # the first is the warm-up


def _have_begun(fleet: Fleet, *, since: float) -> bool:
    return sum(e.what == "begun" and e.at >= since for e in fleet.entries()) >= WAKES


def _has_lines(path: Path, count: int) -> bool:
    return len(path.read_text().splitlines()) >= count


def of_celery(home: Path, server: RedisServer) -> list[list[float]]:
    path = home / "bare-task.times"
    path.touch()
    with Process(["tests.bench.bare_task", str(path)], home / "bare-task.log", {"KANTO_REDIS_URL": server.url}):
        task = build_task(server.url)
        tags = [f"c-{number:05}" for number in range(CLUSTERS)]
        runs = []
        for number in range(RUNS + 1):
            sent = send(lambda number: task.delay("johny2", tags[number % CLUSTERS]))
            wait_until(partial(_has_lines, path, (number + 1) * WAKES), "every task to begin")
            lines = [line.split(" ") for line in path.read_text().splitlines()[number * WAKES :]]
            runs.append(_delays(sent, [f"johny2/{tag}" for tag in tags], [(float(at), key) for at, key in lines]))
    return runs[1:]


def send(one: Callable[[int], object]) -> list[float]:
    """When each was sent: the moment before."""
    times = []
    for number in range(WAKES):
        times.append(time.monotonic())
        one(number)
        time.sleep(PAUSE)
    return times


def _delays(sent: Sequence[float], keys: Sequence[str], begun: Sequence[tuple[float, str]]) -> list[float]:
    """The n-th message to a cluster began that cluster's n-th step."""
    by_key: Mapping[str, list[float]] = {key: sorted(at for at, k in begun if k == key) for key in keys}
    return [by_key[keys[n % len(keys)]][n // len(keys)] - at for n, at in enumerate(sent)]
