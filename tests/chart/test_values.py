"""What the chart makes of values: objects that a real API server takes, or words that say what is wrong."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.release import CHART, Helm, HelmError, merged

OWN_REDIS_OFF = {"redis": {"enabled": False}, "externalRedis": {"existingSecret": "my-redis", "caSecret": "my-ca"}}

MATRIX: Mapping[str, Mapping[str, Any]] = {
    "as it comes": {},
    "a Redis elsewhere, over TLS": OWN_REDIS_OFF,
    "clusters elsewhere": {
        "clusters": {"namespace": "default", "spawner": "rc", "storageClass": "", "limits": {"cpu": 1}}
    },
    "an ingress with TLS": {
        "ingress": {"enabled": True, "host": "kanto.test", "tlsSecret": "tls", "className": "nginx"}
    },
    "a route of a gateway": {"httpRoute": {"enabled": True, "host": "kanto.test", "parent": {"name": "gateway"}}},
    "workers by CPU": {"worker": {"autoscaling": {"enabled": True}}},
    "workers by what waits": {"worker": {"keda": {"enabled": True, "prometheus": "http://prometheus:9090"}}},
    "watched": {
        "metrics": {
            "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
            "rules": {"enabled": True},
            "dashboard": {"enabled": True},
        }
    },
    "placed": {
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "only", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "imagePullSecrets": [{"name": "registry"}],
    },
    "shut off": {"networkPolicy": {"apiFrom": [{"podSelector": {}}], "metricsFrom": [{"podSelector": {}}]}},
    "open": {"networkPolicy": {"enabled": False}, "settings": {"KANTO_AUTH": "strict", "KANTO_LIMIT_CLUSTERS": 5}},
    "removed with its clusters": {"uninstall": {"removeClusters": True}},
}

WRONG: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "a word misspelt": ({"api": {"replica": 3}}, "additional properties 'replica' not allowed"),
    "no api": ({"api": {"replicas": 0}}, "/api/replicas"),
    "an unknown spawner": ({"clusters": {"spawner": "daemonset"}}, "'statefulset', 'deployment', 'rc'"),
    "a size without a unit": ({"redis": {"storageSize": "5"}}, "/redis/storageSize"),
    "root for Redis": ({"redis": {"user": 0}}, "/redis/user"),
    "a foreign setting": ({"settings": {"PATH": "/"}}, "PATH"),
    "a setting of the chart's own": ({"settings": {"KANTO_REDIS_URL": "redis://x"}}, "the chart sets that one itself"),
    "a setting that another value stands for": ({"settings": {"KANTO_IMAGE": "couchdb:3"}}, "sets that one itself"),
    "a port that probes do not know": ({"settings": {"KANTO_PORT": 80}}, "the chart sets that one itself"),
    "no account": ({"serviceAccount": {"create": False}}, "serviceAccount.name"),
    "no Redis": ({"redis": {"enabled": False}}, "name the Secret with your Redis's URL"),
    "two Redises": ({"externalRedis": {"existingSecret": "mine"}}, "choose one Redis"),
    "two that scale": (
        {"worker": {"autoscaling": {"enabled": True}, "keda": {"enabled": True, "prometheus": "http://p"}}},
        "enable one",
    ),
    "a scaler without a source": ({"worker": {"keda": {"enabled": True}}}, "worker.keda.prometheus"),
    "an ingress for no host": ({"ingress": {"enabled": True}}, "needs ingress.host"),
    "a route without a gateway": ({"httpRoute": {"enabled": True}}, "httpRoute.parent"),
}


def rendered(helm: Helm, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    text = helm("template", "some", str(CHART), "--namespace", "default", values=values)
    return [one for one in yaml.safe_load_all(text) if one]


def find(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in objects if one["kind"] == kind]


def test_lint_has_nothing_to_say(helm: Helm) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART))


@pytest.mark.usefixtures("foreign_kinds")
@pytest.mark.parametrize("name", MATRIX)
def test_an_api_server_takes_what_is_rendered(helm: Helm, tmp_path: Path, name: str) -> None:
    objects = rendered(helm, MATRIX[name])
    file = tmp_path / "objects.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}), encoding="utf-8")
    words = [
        "kubectl",
        "apply",
        "--dry-run=server",
        "--validate=strict",
        "--namespace",
        "default",
        "--filename",
        str(file),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert done.stdout.count("dry run") == len(objects)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_told(helm: Helm, name: str) -> None:
    values, words = WRONG[name]
    with pytest.raises(HelmError) as error:
        rendered(helm, values)
    assert words in str(error.value)


def test_rights_are_those_of_the_file_and_the_workers_alone(helm: Helm) -> None:
    objects = rendered(helm, {"clusters": {"namespace": "databases"}})
    (role,) = find(objects, "Role")
    assert role["rules"] == yaml.safe_load((CHART / "files" / "rules.yaml").read_text(encoding="utf-8"))
    assert role["metadata"]["namespace"] == "databases"
    assert not find(objects, "ClusterRole")
    pods = {one["metadata"]["name"]: one["spec"]["template"]["spec"] for one in find(objects, "Deployment")}
    assert pods["some-kanto-worker"]["serviceAccountName"] == "some-kanto"
    assert pods["some-kanto-api"]["automountServiceAccountToken"] is False


def test_no_secret_is_in_the_environment_or_on_a_command_line(helm: Helm) -> None:
    objects = rendered(helm, merged({"uninstall": {"removeClusters": True}}, {}))
    (secret,) = find(objects, "Secret")
    password = secret["stringData"]["password"]
    assert len(password) == 40
    for one in objects:
        if one["kind"] != "Secret":
            assert password not in json.dumps(one)


def test_alerts_and_dashboard_are_the_files_of_the_chart(helm: Helm) -> None:
    objects = rendered(helm, MATRIX["watched"])
    (rule,) = find(objects, "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((CHART / "files" / "alerts.yaml").read_text(encoding="utf-8"))
    (dashboard,) = find(objects, "ConfigMap")
    assert dashboard["data"]["kanto.json"] == (CHART / "files" / "dashboard.json").read_text(encoding="utf-8")
