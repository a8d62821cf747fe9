"""The builders' objects on a real API server, scheduler and kubelet, in a namespace that takes restricted pods only."""

import json
from collections.abc import Iterator

import pytest

from common.cluster import Spawner
from tests.kubernetes.manifest_world import World, until
from worker.platforms.kubernetes import names, pod
from worker.platforms.kubernetes.scripts import build_script
from worker.platforms.kubernetes.sight import is_ready
from worker.platforms.kubernetes.sizes import build_cost, build_growth, build_shrink

KINDS = "deployments,replicasets,statefulsets,replicationcontrollers,pods,services,secrets,persistentvolumeclaims"
POLICIES = "poddisruptionbudgets,networkpolicies"


@pytest.fixture(scope="module", params=["deployment", "rc", "statefulset"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """One cluster of two for all tests of a spawner; the last of them deletes it."""
    made = World(request.param)
    try:
        made.up()
        yield made
    finally:
        made.down()


def pod_names(world: World) -> list[str]:
    return sorted(p["metadata"]["name"] for p in world.running().values())


def skip_but(world: World, *spawners: Spawner) -> None:
    if world.spawner not in spawners:
        pytest.skip(f"not of {world.spawner}")


def test_nothing_serves_before_its_gate_is_set_and_siblings_reach_it(world: World) -> None:
    first, other = pod_names(world)
    service = world.get("service", names.workload(world.spec))
    endpoint = f"http://{service['spec']['clusterIP']}:{names.PORT}"
    assert world.uuid(first) != world.uuid(other)
    assert world.ask(f"{endpoint}/_up") is None
    if world.spawner != "deployment":
        addresses = [names.peer_address(world.spec, n, namespace=world.namespace) for n in (0, 1)]
        found = [until(lambda a=address: world.ask(a), f"an answer of {address}")["uuid"] for address in addresses]  # type: ignore[misc]
        assert found == [world.uuid(name) for name in (first, other)]
    world.serve(first)
    until(lambda: (world.ask(f"{endpoint}/_up") or {}).get("status") == "ok", "the endpoint")
    assert world.ask(endpoint)["uuid"] == world.uuid(first)


def test_the_only_one_that_serves_is_not_evicted(world: World) -> None:
    """Its sibling is not filled, which the budget counts as away."""
    name = names.workload(world.spec)
    (first,) = until(
        lambda: [p["metadata"]["name"] for p in world.running().values() if is_ready(p)],
        "the one that serves to be ready",
    )

    def look() -> bool:
        status = world.get("poddisruptionbudget", name)["status"]
        return (status["expectedPods"], status["currentHealthy"], status["disruptionsAllowed"]) == (2, 1, 0)

    until(look, "the budget to have counted")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": first}}
    path = f"/api/v1/namespaces/{world.namespace}/pods/{first}/eviction"
    said = world.kubectl("create", "--raw", path, "-f", "-", body=eviction, is_tried=True)
    assert "disruption budget" in said


def test_a_container_that_starts_again_keeps_data_uuid_and_run_time_settings(world: World) -> None:
    name = pod_names(world)[0]
    uuid, before = world.uuid(name), world.restarts(name)
    assert world.ask(f"{world.base(name)}/kept", method="PUT") == {"ok": True}
    world.note(name, "n1")
    world.kubectl("exec", name, "-c", pod.CONTAINER, "--", "sh", "-c", "kill 1")
    until(lambda: world.restarts(name) > before, "a restart")
    world.running()
    assert world.uuid(name) == uuid
    assert world.noted(name) == "n1"
    assert world.ask(f"{world.base(name)}/kept")["db_name"] == "kept"


def test_a_pod_that_is_replaced_keeps_them_where_there_are_volumes(world: World) -> None:
    name = pod_names(world)[0]
    found = world.running()
    uid, uuid = next((u, world.uuid(name)) for u, p in found.items() if p["metadata"]["name"] == name)
    world.note(name, "n2")
    world.kubectl("delete", "pod", name, "--wait=false")
    until(lambda: uid not in world.pods(), "the pod to go")
    (new,) = (p["metadata"]["name"] for u, p in world.running().items() if u not in found)
    is_kept = world.spawner != "deployment"
    assert (world.uuid(new) == uuid) is is_kept
    assert (world.noted(new) == "n2") is is_kept


def test_a_second_server_in_the_pod_is_refused(world: World) -> None:
    name = pod_names(world)[0]
    command = ["sh", "-c", build_script(tries=1), "test", str(pod.VOLUME), "/run/kanto/kanto.ini", "echo", "serving"]
    said = world.kubectl("exec", name, "-c", pod.CONTAINER, "--", *command, is_tried=True)
    assert "another server is using it" in said
    assert "serving" not in said


def test_a_second_pod_on_the_volume_is_refused(world: World) -> None:
    skip_but(world, "rc", "statefulset")
    found = next(p for p in world.running().values() if p["metadata"]["name"] == pod_names(world)[0])
    unwanted = ("nodeName", "hostname", "subdomain")
    spec = {key: value for key, value in found["spec"].items() if key not in unwanted}
    spec["initContainers"][0]["command"][2] = build_script(tries=2)
    world.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "second"}, "spec": spec})

    def look() -> bool:
        states = world.get("pod", "second")["status"].get("initContainerStatuses", [])
        return "another server is using it" in json.dumps(states)

    until(look, "the second to be refused")
    assert not any(s["ready"] for s in world.get("pod", "second")["status"]["containerStatuses"])
    world.kubectl("delete", "pod", "second", "--wait=false")


def test_growth_leaves_the_pods_that_are_there_and_a_late_one_is_refused(world: World) -> None:
    skip_but(world, "deployment", "statefulset")
    before, name = world.running(), names.workload(world.spec)
    version = world.get(world.spawner, name)["metadata"]["resourceVersion"]
    growth = build_growth(current=2, wanted=3, resource_version=version)
    assert growth is not None
    world.patch(world.spawner, name, growth)
    assert before.keys() < world.running(3).keys()
    assert "Conflict" in world.patch(world.spawner, name, growth, is_tried=True)


def test_the_chosen_one_leaves_a_deployment(world: World) -> None:
    skip_but(world, "deployment")
    for found in world.running(3).values():
        world.serve(found["metadata"]["name"])
    leaver, *others = sorted(world.running(3).items(), key=lambda item: item[1]["metadata"]["creationTimestamp"])
    for uid, found in (leaver, *others):
        world.patch("pod", found["metadata"]["name"], build_cost(leaves=uid == leaver[0]))
    name = names.workload(world.spec)

    def shrink() -> bool:
        version = world.get("deployment", name)["metadata"]["resourceVersion"]
        body = build_shrink(current=3, wanted=2, resource_version=version)
        return "Conflict" not in world.patch("deployment", name, body, is_tried=True)

    until(shrink, "a patch at the version that was read")
    until(lambda: world.pods().keys() == {uid for uid, _ in others}, "the chosen one to leave, and no other")


def test_without_the_anchor_nothing_is_left(world: World) -> None:
    world.kubectl("delete", "secret", names.workload(world.spec))
    selector = names.list_selector(world.spec)
    until(lambda: not world.get(f"{KINDS},{POLICIES}", "-l", selector)["items"], "everything to be gone")
