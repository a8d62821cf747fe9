"""Many workers on many clusters: every step under one lease, no cluster in two hands, and nothing lost with a worker.

The instances are fakes that answer after a delay, the workers processes on a real Redis. Times are printed, and not
judged: `make bench` gives them their floors.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.fakes.facts import by_cluster, check_changes, check_leases, clusters_by_host
from tests.fakes.fleet import Fleet, Step

CLUSTERS = 40
REPLICAS = 2
DELAY = 0.05
LEASE = 10.0
THREADS = 4
"""Steps at once in a worker: so few that all of them are needed."""

LINKED = 2 * REPLICAS
"""Changes that each create asks of its instances: a database and the documents of a link, for each."""


@pytest.fixture
def fleet(tmp_path: Path, redis_url: str) -> Iterator[Fleet]:
    settings = {"KANTO_LEASE": str(LEASE), "KANTO_WORKER_THREADS": str(THREADS), "KANTO_UPKEEP_INTERVAL": "600"}
    with ExitStack() as stack:
        made = stack.enter_context(
            Fleet(tmp_path / "fleet", redis_url, servers=CLUSTERS * (REPLICAS + 1), delay=DELAY, settings=settings)
        )
        made.store.rebuild(())
        yield made


def create_all(fleet: Fleet, what: str) -> None:
    """All clusters at once; returns when every create has succeeded."""
    began = time.monotonic()
    fleet.wait_for(fleet.create(range(CLUSTERS), replicas=REPLICAS))
    print(f"{what}: {CLUSTERS} clusters in {time.monotonic() - began:.1f} s")


def finished(fleet: Fleet) -> list[Step]:
    """All steps, once the workers have ended theirs."""
    fleet.stop_workers()
    return fleet.steps()


def test_four_workers_share_the_clusters_and_never_one_cluster(fleet: Fleet, tmp_path: Path) -> None:
    fleet.start_workers(4)
    create_all(fleet, "four workers")
    steps = finished(fleet)
    check_leases(steps)
    asked = fleet.order("/asked")["asked"]
    check_changes(asked, steps, clusters_by_host(tmp_path / "fleet"))
    assert len(asked) == CLUSTERS * LINKED, "something was asked for twice, or not at all"
    assert len(by_cluster(steps)) == CLUSTERS
    assert len({step.worker for step in steps}) == 4, "a worker had nothing to do"


def test_one_worker_does_all_of_it_alone(fleet: Fleet, tmp_path: Path) -> None:
    fleet.start_workers(1)
    create_all(fleet, "one worker")
    steps = finished(fleet)
    check_leases(steps)
    check_changes(fleet.order("/asked")["asked"], steps, clusters_by_host(tmp_path / "fleet"))
    assert len(by_cluster(steps)) == CLUSTERS


def test_what_a_killed_worker_had_in_hand_is_taken_over(fleet: Fleet, tmp_path: Path) -> None:
    fleet.start_workers(4)
    fleet.order("/delay", seconds=0.5)  # long steps, so that one is killed in the middle of some
    jobs = fleet.create(range(CLUSTERS), replicas=REPLICAS)
    fleet.wait(lambda: len({step.worker for step in fleet.steps()}) == 4, "all workers at work")
    victim = next(iter(fleet.workers))
    killed_at = fleet.kill(victim)
    fleet.order("/delay", seconds=DELAY)
    in_hand = {step.key for step in fleet.steps() if step.worker == victim and step.ended is None}
    assert in_hand, "it was killed between two steps"
    fleet.wait_for(jobs)
    steps = finished(fleet)
    check_leases(steps, killed={victim})
    check_changes(fleet.order("/asked")["asked"], steps, clusters_by_host(tmp_path / "fleet"))
    own = by_cluster(steps)
    taken = [next(step.began for step in own[key] if step.began > killed_at) - killed_at for key in in_hand]
    assert all(step.worker != victim for step in steps if step.began > killed_at)
    print(f"{len(in_hand)} clusters of a killed worker in other hands after {min(taken):.1f} to {max(taken):.1f} s")
