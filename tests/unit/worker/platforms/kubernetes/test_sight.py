"""Where a client reaches a cluster, and what is told of one that is not as it should be."""

from dataclasses import replace

import pytest

from common.errors import TemporaryError
from tests.fake_kubernetes.objects import Refused
from tests.fake_kubernetes.server import FakeKubernetes
from tests.homes import instances, look, record
from worker.core.observed import Platformed, Unknown
from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.platform import KubernetesPlatform
from worker.platforms.kubernetes.shape import ServiceType

from .clusters import PLAIN, SPAWNERS, a_spec
from .steps import running

SPEC = a_spec("statefulset")


def test_the_endpoint_is_the_address_of_the_service(fake: FakeKubernetes, platform: KubernetesPlatform) -> None:
    running(platform, SPEC)
    address = fake.objects.get("services", names.workload(SPEC))["spec"]["clusterIP"]
    assert look(platform, SPEC).endpoint == f"http://{address}:5984"


@pytest.mark.parametrize(
    ("kind", "change", "endpoint"),
    [
        ("ClusterIP", {"spec": {"clusterIP": "fd00::7"}}, "http://[fd00::7]:5984"),
        ("NodePort", {"spec": {"ports": [{"port": 5984, "nodePort": 31984}]}}, "http://10.0.0.1:31984"),
        ("NodePort", {}, None),
        ("LoadBalancer", {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}}, "http://192.0.2.7:5984"),
        ("LoadBalancer", {"status": {"loadBalancer": {"ingress": [{"hostname": "lb.test"}]}}}, "http://lb.test:5984"),
        ("LoadBalancer", {"status": {"loadBalancer": {}}}, None),
    ],
)
def test_the_endpoint_is_one_that_a_client_can_use(
    fake: FakeKubernetes, client: Client, kind: ServiceType, change: dict[str, object], endpoint: str | None
) -> None:
    platform = KubernetesPlatform(client, replace(PLAIN, service_type=kind))
    running(platform, SPEC)
    with fake.change() as objects:
        objects.patch("services", names.workload(SPEC), change)
    seen = look(platform, SPEC)
    assert seen.endpoint == endpoint
    assert (seen.problem == "") == (endpoint is not None)


@pytest.mark.parametrize("spawner", SPAWNERS)
def test_what_does_not_start_says_why(fake: FakeKubernetes, platform: KubernetesPlatform, spawner: object) -> None:
    spec = a_spec(spawner)  # type: ignore[arg-type]
    fake.controllers.trouble = {"reason": "ImagePullBackOff", "message": "no such image"}
    platform.claim(spec, 1)
    platform.provision(spec, (), 1)
    assert {(i.phase, i.reason) for i in instances(platform, spec)} == {("starting", "ImagePullBackOff: no such image")}


def test_what_cannot_be_made_is_a_problem_of_the_cluster(fake: FakeKubernetes, client: Client) -> None:
    fake.controllers.quota = 1
    platform = KubernetesPlatform(client, PLAIN, now=lambda: 4e9)
    spec = a_spec("deployment")
    platform.claim(spec, 1)
    platform.provision(spec, (), 1)
    assert "exceeded quota" in look(platform, spec).problem


def test_the_warnings_about_a_pod_that_takes_long_are_told(fake: FakeKubernetes, client: Client) -> None:
    fake.controllers.trouble = {"reason": "PodInitializing"}
    late = KubernetesPlatform(client, PLAIN, now=lambda: 4e9)
    late.claim(SPEC, 1)
    late.provision(SPEC, (), 1)
    with fake.change() as objects:
        event = {"type": "Warning", "reason": "FailedMount", "message": "no such volume"}
        pod = names.instance(SPEC, 1)
        objects.create("events", {"metadata": {"name": "e"}, "involvedObject": {"name": pod}, **event})
    assert look(late, SPEC).problem == "FailedMount: no such volume"


def test_a_pod_that_serves_and_is_not_ready_is_told(fake: FakeKubernetes, platform: KubernetesPlatform) -> None:
    before = running(platform, SPEC)
    assert look(platform, SPEC).problem == ""
    with fake.change() as objects:
        state = {"waiting": {"reason": "CrashLoopBackOff"}}
        status = {"containerStatuses": [{"name": "couchdb", "state": state}]}
        objects.patch("pods", before[1].name, {"status": status})
    assert f"{before[1].name} should serve but is not ready" in look(platform, SPEC).problem


def test_an_api_server_that_is_away_is_unknown_and_not_empty(
    fake: FakeKubernetes, platform: KubernetesPlatform
) -> None:
    running(platform, SPEC)
    for plural in ("pods", "secrets", "services"):
        fake.refuse("get", plural, Refused(503, "ServiceUnavailable", "away"))
        fake.refuse("list", plural, Refused(503, "ServiceUnavailable", "away"))
    assert isinstance(platform.observe(SPEC), Unknown)
    assert isinstance(platform.credentials(SPEC), Unknown)
    assert isinstance(platform.records(), Unknown)
    with pytest.raises(TemporaryError):
        platform.provision(SPEC, (), 1)


def test_a_right_that_is_missing_is_unknown_and_names_itself(
    fake: FakeKubernetes, platform: KubernetesPlatform
) -> None:
    running(platform, SPEC)
    fake.forbid("list", "pods")
    seen = platform.observe(SPEC)
    assert isinstance(seen, Unknown)
    assert "list pods" in seen.why


def test_one_mirror_that_cannot_be_read_makes_all_unknown(fake: FakeKubernetes, platform: KubernetesPlatform) -> None:
    """A rebuild takes in everything or nothing (hazards H22)."""
    for spec in (SPEC, replace(SPEC, tag="another")):
        platform.claim(spec, 1)
        platform.mirror(record(spec))
    with fake.change() as objects:
        objects.patch("secrets", names.workload(SPEC), {"data": {"record.json": "e30="}})
    assert isinstance(platform.records(), Unknown)


def test_while_a_cluster_is_removed_what_is_left_is_seen(fake: FakeKubernetes, platform: KubernetesPlatform) -> None:
    running(platform, SPEC)
    gone = replace(SPEC, deleted=True)
    fake.controllers.ends_pods = False
    platform.remove(gone, 1)
    seen = look(platform, gone)
    assert len(seen.instances) == SPEC.replicas
    assert seen.endpoint is not None
    with fake.change():
        fake.controllers.ends_pods = True
    platform.remove(gone, 1)
    assert platform.observe(gone) == Platformed(namespace=PLAIN.namespace)
    assert fake.objects.kept == {}
