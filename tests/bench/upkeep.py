"""What it costs to look after 200 clusters that are well, against the same number of requests by a bare client."""

import time
from pathlib import Path

import httpx

from tests.bench import place
from tests.bench.figure import Figure
from tests.bench.process import cpu_seconds, memory_mib
from tests.fakes.couch import address
from tests.fakes.fleet import Fleet
from tests.fakes.platform import ClusterFiles

CLUSTERS = 200
REPLICAS = 3
SECONDS = 33.0
"""One upkeep interval and its jitter."""
SAMPLE = 1000


def measure(home: Path) -> list[Figure]:
    with place.redis_server(home) as server, Fleet(home / "fleet", server.url, servers=CLUSTERS * 4) as fleet:
        fleet.store.rebuild(())
        fleet.start_workers(1)
        fleet.wait_for(fleet.create(range(CLUSTERS), replicas=REPLICAS))
        (worker,) = fleet.workers
        pids = {"worker": worker, "redis": server.pid}
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        asked, began = fleet.order("/asked")["requests"], time.monotonic()
        time.sleep(SECONDS)
        minutes = (time.monotonic() - began) / 60
        spent = {name: (cpu_seconds(pid) - before[name]) / minutes for name, pid in pids.items()}
        requests = (fleet.order("/asked")["requests"] - asked) / minutes
        looks = requests / (CLUSTERS * REPLICAS)
        floor = bare(fleet, home / "fleet") * requests
        memory = memory_mib(worker)
    return [
        Figure(
            f"upkeep of {CLUSTERS} clusters of {REPLICAS}",
            "CPU s/min",
            [spent["worker"]],
            "as many GETs, one after the other, by a bare httpx client that keeps its connections",
            [floor],
            note=f"{requests:.0f} requests a minute ({looks:.1f} an instance); Redis takes {spent['redis']:.2f} CPU s",
        ),
        Figure("a worker's memory then", "MiB", [memory]),
    ]


def bare(fleet: Fleet, folder: Path) -> float:
    """CPU seconds a request, of a client with a connection to each of a few instances."""
    cluster = next(iter(ClusterFiles(folder).values()))
    assert cluster.credentials is not None
    login = (cluster.credentials.name, cluster.credentials.password)
    targets = [instance.address for instance in cluster.instances.values()]
    assert all(target.startswith(address(fleet.port, 0)[:12]) for target in targets)
    with httpx.Client(auth=login, trust_env=False) as client:
        for target in targets:
            client.get(f"{target}/_all_dbs")
        began = time.process_time()
        for number in range(SAMPLE):
            client.get(f"{targets[number % len(targets)]}/_all_dbs").json()
        return (time.process_time() - began) / SAMPLE
