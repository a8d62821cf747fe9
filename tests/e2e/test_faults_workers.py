"""Workers that are killed in the middle of every step of a job: another goes on, and no acknowledged write is lost."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeService
from tests.e2e.inside import Inside
from tests.e2e.service import Service, User, wait_until
from tests.e2e.writers import Writers, assert_everywhere, numbered, put_all

LEASE = 3.0
TAKE_OVER = 20.0
"""Seconds within which another worker goes on, with the usual lease of 15."""

NOISE = 3
"""How many times slower than promised a busy machine may be."""

LEAVING = (
    "putting filled instances behind the endpoint",
    "removing links that are no longer wanted",
    "fencing the instances that leave",
    "draining the instances that leave",
    "retiring drained instances",
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"KANTO_LEASE": str(LEASE), "KANTO_GRACE": "1", "KANTO_WORKERS": "3"}
    made = Service(tmp_path_factory.mktemp("workers") / "home", range(25000, 26000), settings)
    made.start()
    yield made
    made.end()


@pytest.fixture
def inside(service: Service) -> Iterator[Inside]:
    """When all workers are there: three, so that after two kills in a row one is left."""
    wait_until("all workers", lambda: len(service.processes("-m worker")) == 3)
    yield Inside(service)
    assert service.is_ready()


@pytest.mark.parametrize("step", ["starting instances", "linking the ring"])
def test_create_survives_the_loss_of_its_worker(service: Service, inside: Inside, step: str) -> None:
    user = service.user("carl")
    job = user.begin("create", cluster_tag="born", replicas=3)
    kill = inside.kill_holder_in(user, "born", job, step)
    took = inside.taken_over(user, "born", kill)
    print(f"killed while {step}: taken over after {took:.1f} s with a lease of {LEASE} s")
    ended = user.ended(job)
    assert ended["status"] == "succeeded", ended
    made = ended["result"]
    assert made["Status"] == "ready"
    assert len(made["Instances"]) == 3
    put_all(user.couch(made["Endpoint"]), "test", numbered(5))
    assert_everywhere(user, "born", {f"doc{n}" for n in range(5)})
    user.result("delete", cluster_tag="born")


def test_scaling_survives_a_kill_in_each_of_its_steps(service: Service, inside: Inside) -> None:
    user = service.user("sue")
    made = user.result("create", cluster_tag="steps", replicas=2)
    endpoint = user.couch(made["Endpoint"])
    put_all(endpoint, "test", numbered(300))
    with ExitStack() as stack:
        writers = stack.enter_context(Writers(user, made["Endpoint"], threads=2))
        job = user.begin("scale", cluster_tag="steps", replicas=6)
        for step in ("linking the ring", "filling new instances"):
            kill = inside.kill_holder_in(user, "steps", job, step)
            print(f"killed while {step}: taken over after {inside.taken_over(user, 'steps', kill):.1f} s")
        assert user.ended(job)["status"] == "succeeded"
        user.ready("steps")
        add_unsaved(user, "steps")
        writers.wait_for(20)
        direct = [
            stack.enter_context(Writers(user, one["Url"], prefix=f"direct{n}", threads=1))
            for n, one in enumerate(user.detail("steps")["Instances"])
            if n >= 2
        ]
        job = user.begin("scale", cluster_tag="steps", replicas=2)
        for step in LEAVING:
            kill = inside.kill_holder_in(user, "steps", job, step)
            print(f"killed while {step}: taken over after {inside.taken_over(user, 'steps', kill):.1f} s")
        ended = user.ended(job)
        writers.wait_for(20)
    assert ended["status"] == "succeeded", ended
    assert user.ready("steps")["Replicas"] == 2
    assert (writers.odd, writers.nobody) == ([], 0)
    assert_everywhere(user, "steps", writers.acknowledged | {f"doc{n}" for n in range(300)})
    for one in direct:  # what a leaver itself acknowledged, up to its fence
        assert_everywhere(user, "steps", one.acknowledged)
    for ordinal in range(2, 6):
        assert_everywhere(user, "steps", {f"only{ordinal}-{n}" for n in range(300)}, database=f"unsaved{ordinal}")
    user.result("delete", cluster_tag="steps")


def add_unsaved(user: User, tag: str) -> None:
    """Each of the later instances has a database that is on no other one and that nobody replicates."""
    for ordinal, instance in enumerate(user.detail(tag)["Instances"]):
        if ordinal >= 2:
            client = user.couch(instance["Url"])
            assert client.put(f"/unsaved{ordinal}").status_code == 201
            put_all(client, f"unsaved{ordinal}", numbered(300, prefix=f"only{ordinal}-"))


def test_both_workers_killed_at_once_delay_a_job_and_no_more(service: Service, inside: Inside) -> None:
    user = service.user("bo")
    job = user.begin("create", cluster_tag="both", replicas=3)
    wait_until("the job to run", lambda: inside.step(job))
    for pid in service.processes("-m worker"):
        os.kill(pid, signal.SIGKILL)
    assert user.ended(job)["status"] == "succeeded"
    user.result("delete", cluster_tag="both")


def test_a_worker_that_wakes_up_late_does_no_harm(service: Service, inside: Inside) -> None:
    """Held still longer than its lease, in the middle of retiring: what it still wanted to do comes too late (H18)."""
    user = service.user("lara")
    user.result("create", cluster_tag="late", replicas=4)
    endpoint = user.couch(user.detail("late")["Endpoint"])
    put_all(endpoint, "test", numbered(50))
    job = user.begin("scale", cluster_tag="late", replicas=2)
    stopped = inside.kill_holder_in(user, "late", job, "fencing the instances that leave", signal.SIGSTOP)
    inside.taken_over(user, "late", stopped)
    os.kill(stopped.pid, signal.SIGCONT)
    assert user.ended(job)["status"] == "succeeded"
    detail = user.ready("late")
    assert len(detail["Instances"]) == 2
    assert_everywhere(user, "late", {f"doc{n}" for n in range(50)})
    user.result("delete", cluster_tag="late")


def test_a_worker_told_to_end_gives_its_lease_back_at_once(service: Service, inside: Inside) -> None:
    user = service.user("tina")
    user.result("create", cluster_tag="term", replicas=2)
    endpoint = user.couch(user.detail("term")["Endpoint"])
    put_all(endpoint, "test", numbered(200))
    job = user.begin("scale", cluster_tag="term", replicas=6)
    kill = inside.kill_holder_in(user, "term", job, "starting instances", signal.SIGTERM)
    wait_until("the worker to end", lambda: not Path(f"/proc/{kill.pid}").exists())
    print(f"ended {time.monotonic() - kill.at:.1f} s after SIGTERM")
    assert inside.holder(user, "term") != kill.pid
    assert user.ended(job)["status"] == "succeeded"
    user.result("delete", cluster_tag="term")


def test_another_worker_goes_on_within_twenty_seconds(make_service: MakeService) -> None:
    """With the settings that people have."""
    service = make_service()
    inside = Inside(service)
    user = service.user("carl")
    job = user.begin("create", cluster_tag="usual", replicas=3)
    kill = inside.kill_holder_in(user, "usual", job, "starting instances")
    took = inside.taken_over(user, "usual", kill)
    print(f"taken over after {took:.1f} s with the usual lease")
    assert took < TAKE_OVER * NOISE
    assert user.ended(job)["status"] == "succeeded"
