"""What Kubernetes cannot do: said in the job's progress at once, and as the reason of its failure at its deadline."""

import re

import pytest

from tests.e2e.service import User
from tests.kubernetes.admin import QUOTAS, Admin, Json
from tests.kubernetes.conftest import MakeService
from tests.kubernetes.figures import seconds_until, told

SOON = 5.0
"""Seconds within which progress is to say what is wrong."""

NOISE = 6
"""How many times slower than promised a busy machine may be: the kubelet has to try first."""

TAG = "never"

STUCK = {
    "an image that does not exist": ({"KANTO_IMAGE": "lab.local/nothing:1"}, r"ImagePullBackOff|ErrImagePull"),
    "an image that is no CouchDB": ({"KANTO_IMAGE": "lab.local/pause:1"}, r"executable file not found"),
    "a program that ends at once": ({"KANTO_IMAGE": "lab.local/busybox:1"}, r"ended with 127: the image has no flock"),
    "a class of storage that does not exist": (
        {"KANTO_STORAGE_CLASS": "none"},
        r"unbound immediate Persistent",
    ),
    "no room for what it asks for": ({"KANTO_REQUESTS": "cpu=1000"}, r"Insufficient cpu"),
    "no node with this label": ({"KANTO_NODE_SELECTOR": "disk=none"}, r"node affinity/selector|node selector"),
}


def says(user: User, job: str, pattern: str) -> bool:
    shown = user.job(job)
    return re.search(pattern, told(shown)) is not None


@pytest.mark.parametrize("what", STUCK)
def test_what_keeps_an_instance_from_starting_is_named(make_service: MakeService, admin: Admin, what: str) -> None:
    settings, pattern = STUCK[what]
    service = make_service("stuck", workers=1, KANTO_DEADLINE_CREATE="20", **settings)
    user = service.user("sten")
    job = user.begin("create", cluster_tag=TAG, replicas=2)
    took = seconds_until(f"{what}: named in the job's progress", lambda: says(user, job, pattern))
    assert took < SOON * NOISE
    ended = user.ended(job)
    assert ended["status"] == "failed", ended
    assert re.search(pattern, str(ended["reasons"])), "the failure names the reason too"
    user.result("delete", cluster_tag=TAG)
    admin.wait_until_nothing_is_left(service.namespace, user.name, TAG)
    service.end()


def test_a_quota_that_is_used_up_is_named_and_waited_for(make_service: MakeService, admin: Admin) -> None:
    service = make_service("quota")
    user = service.user("quinn")
    admin.create(QUOTAS, service.namespace, build_quota(pods=2))
    job = user.begin("create", cluster_tag="quota", replicas=3)
    took = seconds_until("a quota of pods: named in the job's progress", lambda: says(user, job, r"exceeded quota"))
    assert took < SOON * NOISE
    admin.patch(QUOTAS, service.namespace, "few", build_quota(pods=20))
    ended = user.ended(job, seconds=240)  # the workload's controller tries again ever more rarely
    assert ended["status"] == "succeeded", ended
    user.result("delete", cluster_tag="quota")
    admin.patch(QUOTAS, service.namespace, "few", {"spec": {"hard": {"services": "0"}}})
    job = user.begin("create", cluster_tag="quota", replicas=1)
    seconds_until("a quota of Services: named in the job's progress", lambda: says(user, job, r"exceeded quota"))
    admin.delete(QUOTAS, service.namespace, "few")
    assert user.ended(job)["status"] == "succeeded"
    user.result("delete", cluster_tag="quota")
    service.end()


def build_quota(*, pods: int) -> Json:
    return {"metadata": {"name": "few"}, "spec": {"hard": {"pods": str(pods)}}}
