"""What an api and a worker take when they have nothing to do, against bare processes of the same libraries."""

from pathlib import Path

from tests.bench import place
from tests.bench.figure import Figure
from tests.bench.process import Process, memory_mib
from tests.fakes.fleet import Fleet
from tests.servers import RedisServer


def measure(home: Path) -> list[Figure]:
    with place.redis_server(home) as server:
        with place.web(home, "api", server) as (api, _), place.web(home, "tests.bench.bare", server) as (bare, _):
            apis = memory_mib(api.pid), memory_mib(bare.pid)
        with Fleet(home / "fleet", server.url, servers=1) as fleet:
            fleet.start_workers(1)
            (pid,) = fleet.workers
            worker = memory_mib(pid)
        bare_one = bare_worker(home, server)
    return [
        Figure("memory of an api", "MiB", [apis[0]], "a bare FastAPI application with Celery", [apis[1]]),
        Figure("memory of a worker", "MiB", [worker], "a bare Celery worker of threads", [bare_one]),
    ]


def bare_worker(home: Path, server: RedisServer) -> float:
    """Once it listens: it has asked for its queue then."""
    path = home / "memory.times"
    with (
        Process(["tests.bench.bare_task", str(path)], home / "memory.log", {"KANTO_REDIS_URL": server.url}) as process,
        server.client() as client,
    ):
        process.wait_until(lambda: any(c["cmd"] == "brpop" for c in client.client_list()), "a bare worker to listen")
        return memory_mib(process.pid)
