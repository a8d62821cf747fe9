"""The platform from settings, and the ways to log in."""

import json
from pathlib import Path

import pytest

from common.errors import PermanentError
from common.settings import Settings
from worker.platforms.kubernetes.connect import connect, own_namespace
from worker.platforms.kubernetes.shape import Client, Resources
from worker.platforms.kubernetes.wiring import build_shape


def test_settings_are_the_shape() -> None:
    shape = build_shape(
        Settings(
            namespace="couches",
            image="couchdb:3.5.1",
            pull_policy="Always",
            pull_secrets="one, two",
            service_type="NodePort",
            storage_class="",
            storage_size="1Gi",
            requests="cpu=1",
            limits="memory=1Gi",
            node_selector="disk=ssd",
            priority_class="high",
            pod_grace=7,
            clients="10.0.0.0/8,namespace:shop",
        )
    )
    assert (shape.namespace, shape.image, shape.pull_policy) == ("couches", "couchdb:3.5.1", "Always")
    assert (shape.pull_secrets, shape.service_type) == (("one", "two"), "NodePort")
    assert (shape.storage_class, shape.storage_size) == ("", "1Gi")
    assert shape.resources == Resources({"cpu": "1"}, {"memory": "1Gi"})
    assert (shape.node_selector, shape.priority_class, shape.grace_seconds) == ({"disk": "ssd"}, "high", 7)
    assert shape.clients == (Client(cidr="10.0.0.0/8"), Client(namespace="shop"))


def test_a_setting_that_makes_no_sense_is_named() -> None:
    with pytest.raises(PermanentError, match="KANTO_REQUESTS"):
        build_shape(Settings(requests="lots"))


def test_a_pods_own_namespace_is_where_its_clusters_are(tmp_path: Path) -> None:
    (tmp_path / "namespace").write_text("couches\n")
    assert own_namespace(tmp_path / "namespace") == "couches"
    assert own_namespace(tmp_path / "nothing") == "default"


def test_a_kubeconfig_says_where_the_server_is(tmp_path: Path) -> None:
    known = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [{"name": "one", "cluster": {"server": "https://192.0.2.1:6443"}}],
        "users": [{"name": "one", "user": {"token": "secret"}}],
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
    }
    path = tmp_path / "config"
    path.write_text(json.dumps(known))
    api = connect(url=None, kubeconfig=path, is_in_cluster=False, connections=1)
    assert api.configuration.host == "https://192.0.2.1:6443"


@pytest.mark.parametrize("is_in_cluster", [True, False])
def test_no_way_in_is_said_in_words(tmp_path: Path, is_in_cluster: bool) -> None:
    with pytest.raises(PermanentError) as refused:
        connect(url=None, kubeconfig=tmp_path / "nothing", is_in_cluster=is_in_cluster, connections=1)
    assert refused.value.code == "kubernetes_login"
    assert "KUBECONFIG" in refused.value.action
