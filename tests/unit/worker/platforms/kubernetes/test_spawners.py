"""What holds for the manifests of any cluster of any shape."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes import client as models

from common.cluster import Spawner
from common.errors import PermanentError
from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.frame import Frame, Manifest, key
from worker.platforms.kubernetes.spawners.spawner import find

from .clusters import ANCHOR_UID, CHOSEN, PLAIN, SPAWNERS, a_frame, frames, untimed
from .restricted import breaches

sizes = st.integers(0, 10).map(lambda n: list(range(n)))


def built(frame: Frame, ordinals: list[int]) -> tuple[Manifest, ...]:
    return find(frame.spec.spawner).build(frame, ordinals)


def of_kind(manifests: tuple[Manifest, ...], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def templates(manifests: tuple[Manifest, ...]) -> list[Manifest]:
    return [manifest["spec"]["template"] for manifest in manifests if "template" in manifest["spec"]]


def pod(frame: Frame) -> Any:
    return templates(built(frame, [0]))[0]["spec"]


def matches(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


@untimed
@given(frames, sizes)
def test_the_api_knows_every_field(frame: Frame, ordinals: list[int]) -> None:
    for manifest in built(frame, ordinals):
        getattr(models, f"V1{manifest['kind']}").model_validate(manifest)


def test_a_field_that_the_api_does_not_know_would_be_seen() -> None:
    manifest = built(a_frame(), [0])[-1]
    manifest["spec"]["template"]["spec"]["automountServiceToken"] = False
    with pytest.raises(ValueError, match="automountServiceToken"):
        models.V1Deployment.model_validate(manifest)


@untimed
@given(frames, sizes)
def test_every_object_is_owned_and_says_whose_it_is(frame: Frame, ordinals: list[int]) -> None:
    for manifest in built(frame, ordinals):
        metadata = manifest["metadata"]
        assert [owner["uid"] for owner in metadata["ownerReferences"]] == [ANCHOR_UID]
        assert metadata["namespace"] == frame.shape.namespace
        assert names.is_of(metadata["annotations"], frame.spec)
        assert matches(names.selector(frame.spec), metadata["labels"])


@untimed
@given(frames, sizes)
def test_the_same_arguments_give_the_same_bytes(frame: Frame, ordinals: list[int]) -> None:
    assert json.dumps(built(frame, ordinals)) == json.dumps(built(frame, ordinals))


@untimed
@given(frames, sizes)
def test_no_two_objects_are_one(frame: Frame, ordinals: list[int]) -> None:
    keys = [key(manifest) for manifest in built(frame, ordinals)]
    assert len(keys) == len(set(keys))


@untimed
@given(frames)
def test_pods_pass_the_restricted_level(frame: Frame) -> None:
    assert breaches(pod(frame)) == []


def test_the_check_of_the_level_sees_each_breach() -> None:
    spec = pod(a_frame())
    spoils: list[dict[str, Any]] = [
        {"hostNetwork": True},
        {"securityContext": {}},
        {"volumes": [{"name": "data", "hostPath": {"path": "/"}}]},
        {"containers": [{**spec["containers"][0], "securityContext": {}}]},
        {"containers": [{**spec["containers"][0], "ports": [{"hostPort": 80}]}]},
    ]
    for spoil in spoils:
        assert breaches({**spec, **spoil})


@untimed
@given(frames)
def test_services_policies_and_controllers_choose_the_pods(frame: Frame) -> None:
    manifests = built(frame, [0, 1])
    for template in templates(manifests):
        labels = template["metadata"]["labels"]
        endpoint = next(m for m in of_kind(manifests, "Service") if m["metadata"]["name"] == frame.cluster)
        assert matches(endpoint["spec"]["selector"], labels)
        for kind, field in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")):
            (policy,) = of_kind(manifests, kind)
            assert matches(policy["spec"][field]["matchLabels"], labels)
    for manifest in manifests:
        if "template" in manifest["spec"]:
            selector = manifest["spec"]["selector"]
            wanted = selector.get("matchLabels", selector)
            assert matches(wanted, manifest["spec"]["template"]["metadata"]["labels"])


@pytest.mark.parametrize("spawner", SPAWNERS)
def test_a_pod_waits_for_kanto_before_it_has_traffic(spawner: Spawner) -> None:
    assert pod(a_frame(spawner))["readinessGates"] == [{"conditionType": "kanto/filled"}]
    endpoint = of_kind(built(a_frame(spawner), [0]), "Service")[0]
    assert "publishNotReadyAddresses" not in endpoint["spec"]


@pytest.mark.parametrize("spawner", ["rc", "statefulset"])
def test_siblings_reach_each_other_before_they_are_ready(spawner: Spawner) -> None:
    services = of_kind(built(a_frame(spawner), [0, 1]), "Service")[1:]
    assert services
    assert all(service["spec"]["publishNotReadyAddresses"] for service in services)


@untimed
@given(frames)
def test_every_mount_is_of_a_volume_or_a_template_of_claims(frame: Frame) -> None:
    for manifest in built(frame, [0]):
        if "template" in manifest["spec"]:
            spec = manifest["spec"]["template"]["spec"]
            volumes = {volume["name"] for volume in spec["volumes"]}
            volumes |= {claim["metadata"]["name"] for claim in manifest["spec"].get("volumeClaimTemplates", [])}
            mounts = [m["name"] for c in (*spec["initContainers"], *spec["containers"]) for m in c["volumeMounts"]]
            assert volumes == set(mounts)


@pytest.mark.parametrize("spawner", SPAWNERS)
def test_run_time_settings_lie_on_the_volume_of_the_data(spawner: Spawner) -> None:
    mounts = {m["mountPath"]: m for m in pod(a_frame(spawner))["containers"][0]["volumeMounts"]}
    assert mounts["/opt/couchdb/etc/local.d"]["name"] == mounts["/opt/couchdb/data"]["name"]


@pytest.mark.parametrize("spawner", SPAWNERS)
def test_pods_see_no_password_and_no_token(spawner: Spawner) -> None:
    spec = pod(a_frame(spawner))
    secrets = [volume["secret"] for volume in spec["volumes"] if "secret" in volume]
    assert [[item["key"] for item in secret["items"]] for secret in secrets] == [["kanto.ini"]]
    assert spec["automountServiceAccountToken"] is False
    assert all("env" not in container for container in [*spec["initContainers"], *spec["containers"]])


def test_a_deployment_has_one_workload_one_service_and_no_claim() -> None:
    manifests = built(a_frame("deployment"), [0, 1, 2])
    assert [m["spec"]["replicas"] for m in of_kind(manifests, "Deployment")] == [3]
    assert len(of_kind(manifests, "Service")) == 1
    assert {"name": "data", "emptyDir": {}} in pod(a_frame("deployment"))["volumes"]
    assert of_kind(manifests, "Deployment")[0]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_an_rc_stands_for_each_instance_alone() -> None:
    manifests = built(a_frame("rc"), [0, 3])
    for kind in ("ReplicationController", "PersistentVolumeClaim"):
        assert [m["metadata"]["name"][-2:] for m in of_kind(manifests, kind)] == ["-0", "-3"]
    one, other = of_kind(manifests, "ReplicationController")
    assert not matches(one["spec"]["selector"], other["spec"]["template"]["metadata"]["labels"])
    for controller in (one, other):
        name = controller["metadata"]["name"]
        claim = {"name": "data", "persistentVolumeClaim": {"claimName": name}}
        assert claim in controller["spec"]["template"]["spec"]["volumes"]


def test_a_stateful_set_has_no_gaps() -> None:
    with pytest.raises(ValueError, match="from 0 on"):
        built(a_frame("statefulset"), [0, 2])


def test_a_stateful_set_leaves_pods_and_claims_to_kanto() -> None:
    spec = of_kind(built(a_frame("statefulset"), [0, 1]), "StatefulSet")[0]["spec"]
    assert spec["updateStrategy"] == {"type": "OnDelete"}
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Delete", "whenScaled": "Retain"}
    assert spec["podManagementPolicy"] == "Parallel"


@pytest.mark.parametrize(("storage_class", "shown"), [(None, {}), ("", {"storageClassName": ""})])
def test_no_storage_class_is_not_the_empty_one(storage_class: str | None, shown: dict[str, str]) -> None:
    frame = a_frame("rc", replace(PLAIN, storage_class=storage_class))
    (claim,) = of_kind(built(frame, [0]), "PersistentVolumeClaim")
    assert {k: v for k, v in claim["spec"].items() if k == "storageClassName"} == shown


def test_everyone_is_a_client_unless_a_setting_says_who() -> None:
    (everyone,) = of_kind(built(a_frame(), [0]), "NetworkPolicy")
    assert everyone["spec"]["ingress"] == [{"ports": [{"port": 5984, "protocol": "TCP"}]}]
    (chosen,) = of_kind(built(a_frame(shape=CHOSEN), [0]), "NetworkPolicy")
    kanto, siblings, *clients = chosen["spec"]["ingress"][0]["from"]
    assert kanto["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "kanto"}
    assert siblings["podSelector"]["matchLabels"] == names.selector(a_frame().spec)
    assert clients == [
        {"ipBlock": {"cidr": "10.0.0.0/8"}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}},
        {"podSelector": {"matchLabels": {"role": "web"}}},
    ]


def test_processes_have_no_spawner() -> None:
    with pytest.raises(PermanentError, match="does not run on Kubernetes"):
        find("process")
