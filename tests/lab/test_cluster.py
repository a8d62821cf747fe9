"""What a lab is for: workloads of the stand-in that answer, and parts that fail on request."""

import json
from pathlib import Path

import pytest

from tests.lab.machine import Lab, until

WORKLOADS = (Path(__file__).parent / "workloads.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def served(running: Lab) -> Lab:
    """A lab with a Deployment behind a Service, and a pod that may do nothing, all of them ready."""
    running.kubectl("apply", "-f", "-", stdin=WORKLOADS)
    running.kubectl("wait", "--for=condition=Available", "deployment/couch", "--timeout=120s")
    running.kubectl("wait", "--for=condition=Ready", "pod/box", "pod/strict", "--timeout=120s")
    return running


def wget(lab: Lab, url: str) -> str:
    return lab.do("exec", "--", "/bin/busybox", "wget", "-qO-", url)


def test_a_deployment_of_the_stand_in_answers_through_its_service(served: Lab) -> None:
    until(
        lambda: "ok" in served.ask("exec", "--", "/bin/busybox", "wget", "-qO-", "http://couch:5984/_up").stdout, "up"
    )
    address = served.kubectl("get", "service", "couch", "-o", "jsonpath={.spec.clusterIP}")
    assert json.loads(wget(served, f"http://{address}:5984/_up"))["status"] == "ok"
    assert json.loads(wget(served, "http://couch.default.svc.cluster.local:5984/"))["couchdb"] == "Welcome"
    inside = served.kubectl("exec", "box", "--", "wget", "-qO-", "http://couch:5984/_up")
    assert json.loads(inside)["status"] == "ok"


def test_an_instance_without_any_right_uses_the_settings_that_its_init_container_wrote(served: Lab) -> None:
    address = served.kubectl("get", "pod", "strict", "-o", "jsonpath={.status.podIP}")
    assert json.loads(wget(served, f"http://{address}:5984/"))["uuid"] == "0123456789abcdef0123456789abcdef"
    assert json.loads(wget(served, f"http://admin:pw@{address}:5984/_all_dbs")) == ["_replicator", "_users"]
    nodes = json.loads(wget(served, f"http://admin:pw@{address}:5984/_membership"))
    assert nodes["all_nodes"] == ["couchdb@strict.example"]
    written = served.kubectl("exec", "strict", "-c", "couchdb", "--", "cat", "/opt/couchdb/etc/local.d/docker.ini")
    assert "admin = -pbkdf2" in written
    assert "secret = shared" in written


def test_a_second_server_does_not_get_the_lock_of_the_first(served: Lab) -> None:
    again = ("exec", "strict", "-c", "couchdb", "--", "flock", "-n", "-x", "/opt/couchdb/data/lock", "true")
    assert served.ask("exec", "--", "kubectl", *again).returncode == 1


def test_a_claim_gets_a_volume_that_goes_with_it(served: Lab) -> None:
    volume = served.kubectl("get", "pvc", "kept", "-o", "jsonpath={.spec.volumeName}")
    folder = served.folder / "volumes" / volume
    assert (folder / "seen").read_text(encoding="utf-8") == "here\n"
    served.kubectl("delete", "pod/box", "pvc/kept", "--wait=true", "--grace-period=1")
    until(lambda: not folder.exists(), "the folder of the volume has gone")


def test_the_api_server_can_be_stopped_and_started_from_inside(served: Lab) -> None:
    served.do("exec", "--", "lab", "part", "stop", "kube-apiserver")
    assert served.ask("exec", "--", "kubectl", "get", "--raw", "/readyz", "--request-timeout=2s").returncode != 0
    served.do("exec", "--", "lab", "part", "start", "kube-apiserver")
    assert served.kubectl("get", "--raw", "/readyz") == "ok"
    assert served.do("status").count(" 0 processes") == 0


def test_a_pod_that_nobody_can_pull_says_so(served: Lab) -> None:
    served.kubectl("run", "nothing", "--image=nowhere.test/nothing:1")
    reason = "jsonpath={.status.containerStatuses[0].state.waiting.reason}"
    until(lambda: "Pull" in served.kubectl("get", "pod", "nothing", "-o", reason), "ErrImagePull or ImagePullBackOff")
