"""What Kubernetes will not do: said in the job's progress at once, and as the reason of its failure at its deadline."""

import re
from typing import Any

import pytest

from common.names import cluster_name
from tests.e2e.service import User
from tests.e2e.writers import assert_everywhere, numbered, put_all
from tests.kubernetes.admin import QUOTAS, Admin, Json
from tests.kubernetes.conftest import MakeService
from tests.kubernetes.figures import seconds_until
from tests.kubernetes.place import Rules, load_rules
from tests.kubernetes.service import Service
from worker.platforms.kubernetes.resources import PODS, SECRETS, SERVICES, Resource

SOON = 5.0
"""Seconds within which progress is to say what is wrong."""

NOISE = 6
"""How many times slower than promised a busy machine may be: the kubelet has to try first."""

TAG = "never"

STUCK = {
    "an image that does not exist": ({"KANTO_IMAGE": "lab.local/nothing:1"}, r"ImagePullBackOff|ErrImagePull"),
    "an image that is no CouchDB": (
        {"KANTO_IMAGE": "lab.local/busybox:1"},
        r"CrashLoopBackOff|Error|RunContainerError",
    ),
    "no room for what it asks for": ({"KANTO_REQUESTS": "cpu=1000"}, r"Insufficient cpu"),
    "no node with this label": ({"KANTO_NODE_SELECTOR": "disk=none"}, r"node affinity/selector|node selector"),
}


def told(job: dict[str, Any]) -> str:
    """All that a job says to people."""
    return f"{job['step']} {job['progress']} {job['reasons']} {job.get('error')}"


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


@pytest.fixture(scope="module")
def usual(make_service: MakeService) -> Service:
    return make_service("refusals")


SOMEBODY_ELSES: dict[Resource, Json] = {
    SERVICES: {"spec": {"ports": [{"port": 80}], "selector": {"app": "other"}}},
    SECRETS: {"stringData": {"key": "value"}},
}


@pytest.mark.parametrize("resource", SOMEBODY_ELSES, ids=lambda one: one.kind)
def test_a_namesake_is_named_and_left_alone(usual: Service, admin: Admin, resource: Resource) -> None:
    user = usual.user(f"nan-{resource.kind.lower()}")
    name = cluster_name(user.name, "name")
    other = admin.create(resource, usual.namespace, {"metadata": {"name": name}, **SOMEBODY_ELSES[resource]})
    ended = user.ended(user.begin("create", cluster_tag="name", replicas=2))
    assert ended["status"] == "failed", ended
    assert f"{resource.kind} {name}" in told(ended), "which object is in the way"
    user.result("delete", cluster_tag="name")
    assert admin.there(resource, usual.namespace, name) == other, "it was not touched"
    admin.delete(resource, usual.namespace, name)
    assert user.result("create", cluster_tag="name", replicas=1)["Status"] == "ready"
    user.result("delete", cluster_tag="name")


def without(resource: str, verb: str) -> Rules:
    """The chart's rules without one right."""
    rules = []
    for rule in load_rules():
        others = [one for one in rule["resources"] if one != resource]
        if others:
            rules.append({**rule, "resources": others})
        if resource in rule["resources"]:
            rules.append({**rule, "resources": [resource], "verbs": [one for one in rule["verbs"] if one != verb]})
    return rules


def test_a_right_that_is_missing_is_named(make_service: MakeService, admin: Admin) -> None:
    """With `rc` an instance has a Service of its own, which a scale down has to delete."""
    service = make_service(
        "norights", spawners=("rc",), rules=without("services", "delete"), KANTO_DEADLINE_PROGRESS="20"
    )
    user = service.user("rory")
    made = user.result("create", cluster_tag="rights", replicas=2)
    put_all(user.couch(made["Endpoint"]), "test", numbered(10))
    ended = user.ended(user.begin("scale", cluster_tag="rights", replicas=1))
    assert ended["status"] == "failed", ended
    assert "delete services" in told(ended), "the right that is missing"
    assert service.namespace in told(ended), "and where"
    assert user.detail("rights")["Status"] != "deleting"
    assert {f"doc{n}" for n in range(10)} <= {
        row["id"] for row in user.couch(made["Endpoint"]).get("/test/_all_docs").json()["rows"]
    }
    assert admin.pods(service.namespace, cluster_name(user.name, "rights"))
    service.end()


def test_only_restricted_pods_are_let_in_and_kantos_are(usual: Service, admin: Admin) -> None:
    """Every namespace of these tests enforces the level; that it does is shown by a pod that does not pass."""
    plain = {"metadata": {"name": "plain"}, "spec": {"containers": [{"name": "a", "image": "lab.local/busybox:1"}]}}
    body = {"apiVersion": "v1", "kind": "Pod", **plain}
    assert admin.status("POST", PODS.path(usual.namespace), body) == 403
    user = usual.user("pia")
    made = user.result("create", cluster_tag="pods", replicas=2)
    assert_everywhere(user, "pods", write_one(user, made))
    user.result("delete", cluster_tag="pods")


def write_one(user: User, made: dict[str, Any]) -> set[str]:
    put_all(user.couch(made["Endpoint"]), "test", numbered(1))
    return {"doc0"}
