"""Hazards of Kubernetes itself, each with what it would have broken."""

from itertools import pairwise

import pytest

from common.cluster import Spawner
from common.names import cluster_name
from tests.e2e.service import User, wait_until
from tests.e2e.writers import assert_everywhere, numbered, put_all
from tests.kubernetes.admin import Admin, Json
from tests.kubernetes.conftest import MakeService
from tests.kubernetes.couch import answers, endpoint_of
from tests.kubernetes.fences import fenced, let_everything_through, make_what_cannot_be_proved, restart
from tests.kubernetes.figures import seconds_until
from tests.kubernetes.service import SETTINGS, SPAWNERS, Service
from worker.platforms.kubernetes.resources import (
    DEPLOYMENTS,
    PODS,
    REPLICATION_CONTROLLERS,
    SERVICES,
    STATEFUL_SETS,
    Resource,
)
from worker.platforms.kubernetes.sight import RETIRED

WORKLOADS: dict[Spawner, Resource] = {"deployment": DEPLOYMENTS, "statefulset": STATEFUL_SETS}


@pytest.fixture(scope="module")
def service(make_service: MakeService) -> Service:
    return make_service("hazards", spawners=SPAWNERS)


@pytest.mark.parametrize("spawner", WORKLOADS)
def test_a_provision_in_the_middle_of_a_scale_down_never_shrinks(
    service: Service, admin: Admin, spawner: Spawner
) -> None:
    """A Service that somebody deletes leads to Provision: the workload keeps every instance not yet retired (H1)."""
    user = service.user(f"hal-{spawner}", spawner)
    cluster = cluster_name(user.name, "down")
    made = user.result("create", cluster_tag="down", replicas=5)
    put_all(endpoint_of(user, made), "test", numbered(100))
    with admin.watched(WORKLOADS[spawner], service.namespace, cluster) as seen:
        job = user.begin("scale", cluster_tag="down", replicas=2)
        service.records.wait_for(job, "fencing the instances that leave", "draining the instances that leave")
        admin.delete(SERVICES, service.namespace, cluster)
        ended = user.ended(job)
        assert ended["status"] == "succeeded", ended
        wait_until("the last state to be seen", lambda: seen[-1]["spec"]["replicas"] == 2)
    sizes = [state["spec"]["replicas"] for state in seen]
    assert all(before - after in (0, 1) for before, after in pairwise(sizes)), sizes
    assert admin.get(SERVICES, service.namespace, cluster) is not None, "and the Service is there again"
    assert_everywhere(user, "down", {f"doc{n}" for n in range(100)})
    user.result("delete", cluster_tag="down")


def test_an_image_set_later_changes_no_workload_that_runs(service: Service, admin: Admin) -> None:
    """A new template would make the Deployment replace pods whose data are their own (H3)."""
    user = service.user("tess", "deployment")
    cluster = cluster_name(user.name, "image")
    made = user.result("create", cluster_tag="image", replicas=2)
    put_all(endpoint_of(user, made), "test", numbered(20))
    before = admin.there(DEPLOYMENTS, service.namespace, cluster)["spec"]["template"]
    old = {pod["metadata"]["uid"] for pod in admin.pods(service.namespace, cluster)}
    service.stop_workers()
    service.start_workers(KANTO_IMAGE="lab.local/another:1", KANTO_REQUESTS="cpu=11m,memory=65Mi")
    grown = user.result("scale", cluster_tag="image", replicas=3)
    service.stop_workers()
    service.start_workers(**{name: SETTINGS[name] for name in ("KANTO_IMAGE", "KANTO_REQUESTS")})
    assert grown["Status"] == "ready"
    assert admin.there(DEPLOYMENTS, service.namespace, cluster)["spec"]["template"] == before
    assert old < {pod["metadata"]["uid"] for pod in admin.pods(service.namespace, cluster)}
    assert_everywhere(user, "image", {f"doc{n}" for n in range(20)})
    user.result("delete", cluster_tag="image")


@pytest.mark.parametrize("spawner", WORKLOADS)
def test_a_fence_survives_a_restart_of_its_container(service: Service, admin: Admin, spawner: Spawner) -> None:
    """It lies with the data (H9), so what was proved under it stays proved; and it goes when the job is canceled."""
    user = service.user(f"fen-{spawner}", spawner)
    made = user.result("create", cluster_tag="fence", replicas=2)
    make_what_cannot_be_proved(user, made)
    job = user.begin("scale", cluster_tag="fence", replicas=1)
    leaver = wait_until("a fenced instance", lambda: fenced(user, "fence"))
    restart(admin, service.namespace, leaver["Name"])
    client = user.couch(leaver["Url"])
    wait_until("its CouchDB to answer", lambda: answers(leaver["Url"]))
    assert client.put("/test/late", json={}).status_code in (401, 403), "it is still fenced"
    wait_until("to hear what it could not give away", lambda: "stuck" in str(user.job(job)["reasons"]))
    user.result("cancel", job_id=job)
    assert user.ended(job)["status"] == "canceled"
    user.ready("fence")
    assert client.put("/test/later", json={}).status_code == 201, "unfenced again"
    assert_everywhere(user, "fence", {"later"})
    user.result("delete", cluster_tag="fence")


@pytest.mark.parametrize("spawner", ["rc", "statefulset"])
def test_a_workload_that_somebody_scaled_to_nothing_is_as_it_should_be_again(
    service: Service, admin: Admin, spawner: Spawner
) -> None:
    """What is asked for is kanto's to say; the volumes are there all the while."""
    user = service.user(f"zed-{spawner}", spawner)
    cluster = cluster_name(user.name, "zero")
    made = user.result("create", cluster_tag="zero", replicas=2)
    put_all(endpoint_of(user, made), "test", numbered(20))
    assert_everywhere(user, "zero", {f"doc{n}" for n in range(20)})
    resource, name = (STATEFUL_SETS, cluster) if spawner == "statefulset" else (REPLICATION_CONTROLLERS, f"{cluster}-1")
    old = {pod["metadata"]["uid"] for pod in admin.pods(service.namespace, cluster)}
    admin.patch(resource, service.namespace, name, {"spec": {"replicas": 0}})
    wait_until("a pod to go", lambda: old - {pod["metadata"]["uid"] for pod in admin.pods(service.namespace, cluster)})
    seconds_until(f"a {resource.kind} scaled to nothing: ready again", lambda: is_ready(user, "zero"))
    after = user.ready("zero")
    assert [one["Uuid"] for one in after["Instances"]] == [one["Uuid"] for one in made["Instances"]]
    assert_everywhere(user, "zero", {f"doc{n}" for n in range(20)})
    user.result("delete", cluster_tag="zero")


def is_ready(user: User, tag: str) -> bool:
    return bool(user.detail(tag)["Status"] == "ready")


def test_a_template_that_somebody_changed_comes_with_the_next_pod(service: Service, admin: Admin) -> None:
    """How a StatefulSet is upgraded by hand, pod by pod: OnDelete waits for each, and kanto changes nothing back."""
    user = service.user("upton", "statefulset")
    cluster = cluster_name(user.name, "upgrade")
    made = user.result("create", cluster_tag="upgrade", replicas=2)
    put_all(endpoint_of(user, made), "test", numbered(20))
    changed = {"spec": {"template": {"metadata": {"annotations": {"by": "hand"}}}}}
    admin.patch(STATEFUL_SETS, service.namespace, cluster, changed)
    for instance in made["Instances"]:
        pod = admin.there(PODS, service.namespace, instance["Name"])
        assert "by" not in pod["metadata"]["annotations"], "OnDelete replaces nobody by itself"
        admin.delete(PODS, service.namespace, instance["Name"])
        wait_until("a new pod", lambda pod=pod: is_another(admin, service.namespace, pod))  # type: ignore[misc]
        user.ready("upgrade")
    after = user.ready("upgrade")
    assert [one["Uuid"] for one in after["Instances"]] == [one["Uuid"] for one in made["Instances"]]
    assert_everywhere(user, "upgrade", {f"doc{n}" for n in range(20)})
    user.result("delete", cluster_tag="upgrade")


def is_another(admin: Admin, namespace: str, pod: Json) -> bool:
    """Whether a pod with the changed template has the name of this one."""
    found = admin.get(PODS, namespace, pod["metadata"]["name"])
    return found is not None and found["metadata"]["annotations"].get("by") == "hand"


def test_a_pod_that_its_controller_spared_leaves_all_the_same(service: Service, admin: Admin) -> None:
    """A Deployment made smaller may have let go of another pod than the one it was told to (H4)."""
    user = service.user("sam", "deployment")
    cluster = cluster_name(user.name, "spared")
    made = user.result("create", cluster_tag="spared", replicas=3)
    put_all(endpoint_of(user, made), "test", numbered(100))
    make_what_cannot_be_proved(user, made)
    job = user.begin("scale", cluster_tag="spared", replicas=2)
    leaver = wait_until("a fenced instance", lambda: fenced(user, "spared"))
    uid = admin.there(PODS, service.namespace, leaver["Name"])["metadata"]["uid"]
    admin.patch(DEPLOYMENTS, service.namespace, cluster, {"metadata": {"annotations": {RETIRED: uid}}})
    let_everything_through(user, made, but=leaver["Name"])
    ended = user.ended(job)
    assert ended["status"] == "succeeded", ended
    assert leaver["Name"] not in {one["Name"] for one in user.ready("spared")["Instances"]}
    assert len(admin.pods(service.namespace, cluster)) == 2
    assert_everywhere(user, "spared", {f"doc{n}" for n in range(100)})
    user.result("delete", cluster_tag="spared")
