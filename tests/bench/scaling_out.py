"""200 creates at once on fakes that answer after a delay: one worker, four, and four of which one is killed."""

import time
from itertools import pairwise
from pathlib import Path

from tests.bench import place
from tests.bench.figure import Figure, at_least, at_most
from tests.fakes.facts import by_cluster, check_changes, check_leases, clusters_by_host
from tests.fakes.fleet import Fleet

CLUSTERS = 200
REPLICAS = 2
DELAY = 0.15
LEASE = 15.0
MOST_LOST = 20.0
"""What a worker that dies may cost, in seconds."""


def measure(home: Path) -> list[Figure]:
    one = run(home / "one", workers=1)[0]
    four = run(home / "four", workers=4)[0]
    with_loss, lost = run(home / "loss", workers=4, kill=True)
    return [
        Figure(
            f"{CLUSTERS} creates by four workers",
            "s",
            [four],
            f"one worker; each answer of an instance takes {DELAY * 1000:.0f} ms more",
            [one],
            at_least(1.0),
            is_inverse=True,
        ),
        Figure(
            "one is killed: to the last take-over",
            "s",
            [lost],
            f"what it may cost, {MOST_LOST:.0f} s",
            [MOST_LOST],
            at_most(1.0),
            note=f"all {CLUSTERS} in {with_loss:.1f} s, beside {four:.1f} s without a loss; the lease is {LEASE:.0f} s",
        ),
    ]


def run(home: Path, *, workers: int, kill: bool = False) -> tuple[float, float]:
    """The seconds until all were ready, and those from the kill until somebody else had each of the dead one's."""
    folder = home / "fleet"
    home.mkdir()
    with (
        place.redis_server(home) as server,
        Fleet(folder, server.url, servers=CLUSTERS * 3, delay=DELAY, settings={"KANTO_LEASE": str(LEASE)}) as fleet,
    ):
        fleet.store.rebuild(())
        fleet.start_workers(workers)
        began = time.monotonic()
        jobs = fleet.create(range(CLUSTERS), replicas=REPLICAS)
        killed: dict[int, float] = {}
        if kill:
            fleet.wait(lambda: busy(fleet) is not None, "a worker with work")
            victim = busy(fleet)
            assert victim is not None
            killed[victim] = fleet.kill(victim)
        took = fleet.wait_for(jobs)[-1] - began
        fleet.stop_workers()
        steps = fleet.steps()
        check_leases(steps, killed=killed)
        check_changes(fleet.order("/asked")["asked"], steps, clusters_by_host(folder))
        return took, max((lost_time(fleet, at) for at in killed.values()), default=0.0)


def busy(fleet: Fleet) -> int | None:
    """A worker that works on several clusters just now, once a quarter of all steps is done."""
    steps = fleet.steps()
    if sum(step.ended is not None for step in steps) < CLUSTERS / 4:
        return None
    at_work = {pid: sum(step.worker == pid and step.ended is None for step in steps) for pid in fleet.workers}
    pid = max(at_work, key=lambda pid: at_work[pid])
    return pid if at_work[pid] > 3 else None


def lost_time(fleet: Fleet, killed_at: float) -> float:
    """From the kill until the last cluster that was in a dead worker's hands was in another's."""
    taken = []
    for own in by_cluster(fleet.steps()).values():
        for step, after in pairwise(own):
            if step.ended is None:
                taken.append(after.began - killed_at)
    return max(taken, default=0.0)
