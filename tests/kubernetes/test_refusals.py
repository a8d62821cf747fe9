"""What is refused: names that somebody else has, rights that kanto lacks, pods that are not restricted."""

from dataclasses import dataclass
from typing import Any

import pytest

from common.cluster import Spawner
from common.names import cluster_name
from tests.e2e.service import User
from tests.e2e.writers import assert_everywhere, numbered, put_all
from tests.kubernetes.admin import ROLES, Admin, Json
from tests.kubernetes.conftest import MakeService
from tests.kubernetes.couch import endpoint_of
from tests.kubernetes.figures import seconds_until, told
from tests.kubernetes.place import ACCOUNT, Rules, load_rules
from tests.kubernetes.service import SPAWNERS, Service
from worker.platforms.kubernetes.resources import (
    DEPLOYMENTS,
    PODS,
    REPLICATION_CONTROLLERS,
    SECRETS,
    SERVICES,
    STATEFUL_SETS,
    VOLUME_CLAIMS,
    Resource,
)
from worker.platforms.kubernetes.sight import serves


@pytest.fixture(scope="module")
def usual(make_service: MakeService) -> Service:
    return make_service("refusals", spawners=SPAWNERS)


TEMPLATE = {"metadata": {"labels": {"app": "other"}}, "spec": {"containers": [{"name": "a", "image": "other:1"}]}}
WORKLOAD = {"replicas": 0, "selector": {"matchLabels": {"app": "other"}}, "template": TEMPLATE}


@dataclass(frozen=True, slots=True)
class Namesake:
    """Somebody else's object, under a name that a cluster of this spawner needs."""

    resource: Resource
    spawner: Spawner
    body: Json
    suffix: str = ""


NAMESAKES = (
    Namesake(SECRETS, "statefulset", {"stringData": {"key": "value"}}),
    Namesake(SERVICES, "statefulset", {"spec": {"ports": [{"port": 80}], "selector": {"app": "other"}}}),
    Namesake(STATEFUL_SETS, "statefulset", {"spec": {**WORKLOAD, "serviceName": "other"}}),
    Namesake(DEPLOYMENTS, "deployment", {"spec": WORKLOAD}),
    Namesake(REPLICATION_CONTROLLERS, "rc", {"spec": {**WORKLOAD, "selector": {"app": "other"}}}, "-0"),
    Namesake(
        VOLUME_CLAIMS,
        "rc",
        {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
        "-1",
    ),
)


@pytest.mark.parametrize("namesake", NAMESAKES, ids=lambda one: one.resource.kind)
def test_a_namesake_is_named_and_left_alone(usual: Service, admin: Admin, namesake: Namesake) -> None:
    resource = namesake.resource
    user = usual.user(f"nan-{resource.kind.lower()}", namesake.spawner)
    name = f"{cluster_name(user.name, 'name')}{namesake.suffix}"
    other = admin.create(resource, usual.namespace, {"metadata": {"name": name}, **namesake.body})
    ended = user.ended(user.begin("create", cluster_tag="name", replicas=2))
    assert ended["status"] == "failed", ended
    assert f"{resource.kind} {name}" in told(ended), "which object is in the way"
    user.result("delete", cluster_tag="name")
    assert content(admin.there(resource, usual.namespace, name)) == content(other), "it was not touched"
    admin.delete(resource, usual.namespace, name)


def content(thing: Json) -> Json:
    """What only its owner changes: not what Kubernetes' own controllers note on it."""
    metadata = {key: thing["metadata"].get(key) for key in ("uid", "labels", "ownerReferences")}
    metadata["annotations"] = [key for key in thing["metadata"].get("annotations", {}) if ".kubernetes.io/" not in key]
    return {"metadata": metadata, "spec": thing.get("spec"), "data": thing.get("data")}


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


def test_a_right_that_is_missing_is_named_and_may_be_given_later(make_service: MakeService, admin: Admin) -> None:
    """With `rc` an instance has a Service of its own, which a scale down has to delete."""
    service = make_service(
        "norights", spawners=("rc",), rules=without("services", "delete"), KANTO_DEADLINE_PROGRESS="15"
    )
    user = service.user("rory")
    made = user.result("create", cluster_tag="rights", replicas=2)
    put_all(endpoint_of(user, made), "test", numbered(10))
    job = user.begin("scale", cluster_tag="rights", replicas=1)
    lacks = f"delete services/{made['Instances'][1]['Name']} in namespace {service.namespace}"
    seconds_until("a right that is missing: named in the job's progress", lambda: lacks in told(user.job(job)))
    ended = user.ended(job)
    assert ended["status"] == "failed", ended
    assert lacks in ended["error"]["message"], "the failure names it too"
    admin.patch(ROLES, service.namespace, ACCOUNT, {"rules": list(load_rules())})
    user.ready("rights")
    assert user.result("scale", cluster_tag="rights", replicas=1)["Status"] == "ready"
    assert_everywhere(user, "rights", {f"doc{n}" for n in range(10)})
    user.result("delete", cluster_tag="rights")
    admin.wait_until_nothing_is_left(service.namespace, user.name, "rights")
    service.end()


def test_without_a_watch_upkeep_does_the_same_later(make_service: MakeService, admin: Admin) -> None:
    """The watch only makes it soon: nothing hangs on it."""
    service = make_service("nowatch", rules=without("pods", "watch"), KANTO_UPKEEP_INTERVAL="5")
    user = service.user("willa")
    made = user.result("create", cluster_tag="blind", replicas=2)
    documents = write_one(user, made)
    old = admin.there(PODS, service.namespace, made["Instances"][1]["Name"])
    admin.delete(PODS, service.namespace, old["metadata"]["name"])
    seconds_until("a deleted pod serves again without a watch", lambda: serves_again(admin, service.namespace, old))
    assert_everywhere(user, "blind", documents)
    user.result("delete", cluster_tag="blind")
    service.end()


def serves_again(admin: Admin, namespace: str, old: Json) -> bool:
    """Whether kanto has put another pod of this name behind the endpoint.

    Kubernetes alone is asked: a look by kanto's own interface would wake a worker.
    """
    pod = admin.get(PODS, namespace, old["metadata"]["name"])
    return pod is not None and pod["metadata"]["uid"] != old["metadata"]["uid"] and serves(pod)


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
    put_all(endpoint_of(user, made), "test", numbered(1))
    return {"doc0"}
