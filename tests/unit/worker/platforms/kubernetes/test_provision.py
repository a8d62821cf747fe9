"""What is made and what is never touched (hazards H1, H3, H22, H26)."""

from dataclasses import replace

import pytest

from common.cluster import Spawner
from common.errors import PermanentError, TemporaryError
from tests.fake_kubernetes.server import FakeKubernetes
from tests.homes import instances
from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.platform import KubernetesPlatform

from .clusters import PLAIN, SPAWNERS, a_spec
from .steps import keep, replicas, running, the_only

WORKLOAD = {"deployment": "deployments", "statefulset": "statefulsets", "rc": "replicationcontrollers"}


@pytest.mark.parametrize("spawner", SPAWNERS)
def test_other_settings_change_no_pod_that_there_is(
    fake: FakeKubernetes, client: Client, platform: KubernetesPlatform, spawner: Spawner
) -> None:
    spec = a_spec(spawner)
    running(platform, spec)
    before = [workload["spec"]["template"] for workload in fake.objects.all(WORKLOAD[spawner])]
    other = KubernetesPlatform(client, replace(PLAIN, image="couchdb:4", grace_seconds=1))
    other.provision(spec, keep(platform, spec), 1)
    assert [workload["spec"]["template"] for workload in fake.objects.all(WORKLOAD[spawner])] == before


def test_other_settings_change_the_service(fake: FakeKubernetes, client: Client, platform: KubernetesPlatform) -> None:
    spec = a_spec()
    running(platform, spec)
    KubernetesPlatform(client, replace(PLAIN, service_type="NodePort")).provision(spec, keep(platform, spec), 1)
    assert the_only(fake, "services")["spec"]["type"] == "NodePort"


@pytest.mark.parametrize("spawner", SPAWNERS)
def test_what_is_as_it_should_be_is_not_written_again(
    fake: FakeKubernetes, platform: KubernetesPlatform, spawner: Spawner
) -> None:
    spec = a_spec(spawner)
    running(platform, spec)
    fake.requests.clear()
    platform.provision(spec, keep(platform, spec), 1)
    assert {request.verb for request in fake.requests} == {"get", "list"}


@pytest.mark.parametrize("spawner", SPAWNERS)
def test_a_smaller_spec_makes_no_workload_smaller(
    fake: FakeKubernetes, platform: KubernetesPlatform, spawner: Spawner
) -> None:
    spec = a_spec(spawner, replicas=5)
    running(platform, spec)
    before = replicas(fake, WORKLOAD[spawner])
    platform.provision(replace(spec, replicas=1), keep(platform, spec), 1)
    assert replicas(fake, WORKLOAD[spawner]) == before


@pytest.mark.parametrize("spawner", ["deployment", "statefulset"])
def test_a_workload_that_is_lost_comes_back_for_all_that_are_kept(
    fake: FakeKubernetes, platform: KubernetesPlatform, spawner: Spawner
) -> None:
    """Leavers are instances as well, until they have retired."""
    spec = a_spec(spawner, replicas=5)
    running(platform, spec)
    kept = keep(platform, spec)
    with fake.change() as objects:
        workload = the_only(fake, WORKLOAD[spawner])
        for thing in list(objects.kept.values()):
            owners = thing["metadata"].get("ownerReferences", [])
            thing["metadata"]["ownerReferences"] = [o for o in owners if o["uid"] != workload["metadata"]["uid"]]
        objects.delete(WORKLOAD[spawner], workload["metadata"]["name"])
    platform.provision(replace(spec, replicas=2), kept, 1)
    assert replicas(fake, WORKLOAD[spawner]) == [5]


def test_somebody_who_made_a_stateful_set_smaller_is_corrected(
    fake: FakeKubernetes, platform: KubernetesPlatform
) -> None:
    spec = a_spec("statefulset")
    before = running(platform, spec)
    with fake.change() as objects:
        objects.patch("statefulsets", names.workload(spec), {"spec": {"replicas": 1}})
    seen = instances(platform, spec)
    assert [(i.identity, i.phase, i.is_going) for i in seen][1:] == [(i.identity, "down", False) for i in before][1:]
    platform.provision(spec, keep(platform, spec), 1)
    assert replicas(fake, "statefulsets") == [3]


@pytest.mark.parametrize(
    ("plural", "name"),
    [
        ("services", names.workload),
        ("poddisruptionbudgets", names.workload),
        ("deployments", names.workload),
        ("secrets", names.login),
    ],
)
def test_what_kanto_did_not_make_is_in_the_way_and_left_alone(
    fake: FakeKubernetes, platform: KubernetesPlatform, plural: str, name: object
) -> None:
    spec = a_spec()
    assert callable(name)
    with fake.change() as objects:
        foreign = objects.create(
            plural,
            {"metadata": {"name": name(spec), "labels": {}}, "spec": {"selector": {"app": "x"}, "replicas": 0}},
            manager="kubectl",
        )
        foreign["spec"]["template"] = {"metadata": {}, "spec": {}}
    platform.claim(spec, 1)
    with pytest.raises(PermanentError) as refused:
        platform.provision(spec, (), 1)
    assert refused.value.code == "name_taken"
    assert f"{name(spec)} in namespace" in refused.value.message
    assert fake.objects.get(plural, name(spec))["metadata"]["uid"] == foreign["metadata"]["uid"]
    assert fake.objects.get(plural, name(spec))["spec"]["selector"] == {"app": "x"}


def test_a_foreign_secret_in_the_anchors_place_is_in_the_way(
    fake: FakeKubernetes, platform: KubernetesPlatform
) -> None:
    spec = a_spec()
    with fake.change() as objects:
        objects.create("secrets", {"metadata": {"name": names.workload(spec)}})
    with pytest.raises(PermanentError) as refused:
        platform.claim(spec, 1)
    assert refused.value.code == "name_taken"


def test_what_an_earlier_cluster_left_is_waited_for(fake: FakeKubernetes, platform: KubernetesPlatform) -> None:
    spec = a_spec()
    with fake.change() as objects:
        former = replace(spec, incarnation="earlier")
        metadata = {
            "name": names.workload(spec),
            "labels": names.labels(former, component="endpoint"),
            "annotations": names.annotations(former),
        }
        objects.create("services", {"metadata": metadata, "spec": {"selector": {}}}, manager="kanto")
    platform.claim(spec, 1)
    with pytest.raises(TemporaryError) as waits:
        platform.provision(spec, (), 1)
    assert waits.value.code == "clearing"


def test_a_cluster_of_processes_does_not_run_here(platform: KubernetesPlatform) -> None:
    with pytest.raises(PermanentError) as refused:
        platform.claim(a_spec("process"), 1)
    assert refused.value.code == "wrong_platform"


def test_everything_is_the_anchors(fake: FakeKubernetes, platform: KubernetesPlatform) -> None:
    """So that its deletion clears a cluster."""
    for spawner in SPAWNERS:
        spec = a_spec(spawner, tag=f"tag-{spawner[:4]}")
        running(platform, spec)
        with fake.change() as objects:
            objects.delete("secrets", names.workload(spec))
        assert [kind for kind, _ in fake.objects.kept] == []
