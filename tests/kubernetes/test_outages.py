"""Parts that are away for a while: the API server, a worker, Redis. A job is delayed and not lost."""

import os
import signal
import subprocess
import time

import pytest

from tests.e2e.service import wait_until
from tests.e2e.writers import assert_everywhere, numbered, put_all
from tests.kubernetes.admin import Admin
from tests.kubernetes.conftest import MakeService
from tests.kubernetes.couch import endpoint_of
from tests.kubernetes.figures import seconds_until, tell
from tests.kubernetes.service import Service

OUTAGE = 20.0
"""Seconds that the API server is away."""

LEASE = 3.0


@pytest.fixture(scope="module")
def service(make_service: MakeService) -> Service:
    return make_service("outages", spawners=("statefulset", "deployment"), workers=3, KANTO_LEASE=str(LEASE))


def lab_part(what: str, part: str) -> None:
    subprocess.run(["lab", "part", what, part], check=True, timeout=120, capture_output=True)


def test_a_create_goes_on_when_the_api_server_is_back(service: Service, admin: Admin) -> None:
    user = service.user("ann")
    before = user.result("create", cluster_tag="before", replicas=2)
    job = user.begin("create", cluster_tag="during", replicas=3)
    service.records.wait_for(job, "starting instances")
    lab_part("stop", "kube-apiserver")
    try:
        began = time.monotonic()
        put_all(endpoint_of(user, before), "test", numbered(10))
        wait_until("the outage to be told", lambda: "API server" in str(user.job(job)["reasons"]))
        wait_until("the outage to last", lambda: time.monotonic() - began > OUTAGE)
        assert not user.job(job)["done"]
        assert len(user.result("list")) == 2
    finally:
        lab_part("start", "kube-apiserver")
    wait_until("the API server", lambda: admin.status("GET", "/readyz") == 200)
    seconds_until("the create to end, from the moment the API server is back after 20 s", lambda: user.job(job)["done"])
    ended = user.job(job)
    assert ended["status"] == "succeeded", ended
    assert_everywhere(user, "before", {f"doc{n}" for n in range(10)})
    for tag in ("before", "during"):
        user.ready(tag)
        user.result("delete", cluster_tag=tag)
        admin.wait_until_nothing_is_left(service.namespace, user.name, tag)


def test_workers_that_are_killed_in_the_middle_delay_a_job_and_no_more(service: Service) -> None:
    user = service.user("walt")
    job = user.begin("create", cluster_tag="kill", replicas=2)
    kill = service.records.kill_holder_in(user, "kill", job, "starting instances")
    took = service.records.taken_over(user, "kill", kill)
    tell(f"{took:6.1f} s  a worker killed in a create: taken over, lease {LEASE} s")
    assert user.ended(job)["status"] == "succeeded"
    made = user.ready("kill")
    put_all(endpoint_of(user, made), "test", numbered(100))
    service.start_workers()
    job = user.begin("scale", cluster_tag="kill", replicas=5)
    service.records.kill_holder_in(user, "kill", job, "filling new instances")
    assert user.ended(job)["status"] == "succeeded"
    service.start_workers()
    job = user.begin("scale", cluster_tag="kill", replicas=2)
    for step in ("fencing the instances that leave", "retiring drained instances"):
        kill = service.records.kill_holder_in(user, "kill", job, step)
        service.records.taken_over(user, "kill", kill)
    assert user.ended(job)["status"] == "succeeded"
    service.start_workers()
    assert len(user.ready("kill")["Instances"]) == 2
    assert_everywhere(user, "kill", {f"doc{n}" for n in range(100)})
    user.result("delete", cluster_tag="kill")


def test_all_workers_killed_at_once(service: Service) -> None:
    user = service.user("walt", "deployment")
    job = user.begin("create", cluster_tag="every", replicas=2)
    service.records.wait_for(job, "starting instances")
    for pid in service.worker_pids():
        os.kill(pid, signal.SIGKILL)
    wait_until("their end", lambda: not service.worker_pids())
    service.start_workers()
    assert user.ended(job)["status"] == "succeeded"
    user.result("delete", cluster_tag="every")


def test_a_lost_redis_is_rebuilt_from_the_anchors(service: Service) -> None:
    user = service.user("rita")
    before = user.result("create", cluster_tag="lost", replicas=2)
    put_all(endpoint_of(user, before), "test", numbered(10))
    service.redis.flush()
    stranger = service.api().user("rita", "another-token-1")
    assert stranger.post("create", cluster_tag="mine", replicas=1).status_code in (401, 503)
    seconds_until("a lost Redis rebuilt from the anchors", lambda: user.post("list").status_code == 200)
    assert stranger.post("create", cluster_tag="mine", replicas=1).status_code == 401
    after = user.ready("lost")
    assert [one["Uuid"] for one in after["Instances"]] == [one["Uuid"] for one in before["Instances"]]
    assert user.result("scale", cluster_tag="lost", replicas=3)["Status"] == "ready"
    assert_everywhere(user, "lost", {f"doc{n}" for n in range(10)})
    user.result("delete", cluster_tag="lost")
