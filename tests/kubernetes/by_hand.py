"""The floor of create on Kubernetes: the same manifests by kubectl, and a straight script that wires the ring.

It keeps nothing, checks nothing and repairs nothing.
"""

import json
import secrets
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx

from common.cluster import ClusterSpec
from common.passwords import admin_line
from tests.bench import script
from tests.kubernetes.admin import SLICES, Admin, Json
from tests.kubernetes.service import IMAGE
from worker.core.observed import Instance
from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.frame import Frame, Manifest
from worker.platforms.kubernetes.gate import build_gate
from worker.platforms.kubernetes.login import build_login
from worker.platforms.kubernetes.pod import DATABASES, LAST_INI
from worker.platforms.kubernetes.resources import PODS
from worker.platforms.kubernetes.shape import Resources, Shape
from worker.platforms.kubernetes.sight import LOOPBACK
from worker.platforms.kubernetes.spawners import statefulset
from worker.platforms.login import make_login
from worker.ports import Credentials

PATIENCE = "--timeout=120s"
STRATEGIC = "application/strategic-merge-patch+json"
KINDS = "statefulset,service,secret,poddisruptionbudget,networkpolicy,persistentvolumeclaim"


class Node:
    """An instance whose pod is there."""

    def __init__(self, spec: ClusterSpec, ordinal: int, namespace: str, credentials: Credentials) -> None:
        name = names.instance(spec, ordinal)
        address = names.peer_address(spec, ordinal, namespace=namespace)
        self.instance = Instance(name, name, address, address, "running", serving=False, loopback=LOOPBACK)
        login = (credentials.name, credentials.password)
        self.client = httpx.Client(base_url=address, auth=login, trust_env=False, verify=False, timeout=10)

    def wait_until_up(self) -> None:
        script.look_until(lambda: script.is_up(self.client))


def create(admin: Admin, namespace: str, tag: str, replicas: int, *, iterations: int) -> ClusterSpec:
    """A StatefulSet's cluster, from a password to an endpoint that leads to all of a ring that runs."""
    login = make_login(secrets.token_hex)
    spec = ClusterSpec(
        user="hand",
        tag=tag,
        incarnation=secrets.token_hex(8),
        replicas=replicas,
        databases=script.DATABASES,
        admin_name="hand",
        admin_line=admin_line("Ty5wvW7LuQ3T", salt=secrets.token_hex(16), iterations=iterations),
        spawner="statefulset",
    )
    frame = Frame(spec, Shape(namespace=namespace, image=IMAGE, resources=Resources({"cpu": "10m"})), "none")
    manifests = [build_login(frame, login, databases=DATABASES, last=LAST_INI)]
    manifests += statefulset.build(frame, range(replicas))
    pods = [f"pod/{names.instance(spec, ordinal)}" for ordinal in range(replicas)]
    kubectl(namespace, "apply", "-f", "-", body=manifests)
    with ThreadPoolExecutor(replicas) as executor:  # of several at once it was seen to give one up
        list(executor.map(lambda pod: kubectl(namespace, "wait", "--for=create", PATIENCE, pod), pods))
    kubectl(namespace, "wait", "--for=condition=ContainersReady", PATIENCE, *pods)
    credentials = Credentials(login.name, login.password)
    with nodes_of(spec, namespace, credentials) as nodes, ThreadPoolExecutor(replicas) as executor:
        script.wire(nodes, executor, credentials=credentials)
    for ordinal in range(replicas):
        path = f"{PODS.path(namespace, names.instance(spec, ordinal))}/status"
        admin.ask("PATCH", path, build_gate(serves=True, at=datetime.now(UTC)), content=STRATEGIC)
    script.look_until(lambda: count_ready(admin, namespace, names.workload(spec)) == replicas)
    return spec


@contextmanager
def nodes_of(spec: ClusterSpec, namespace: str, credentials: Credentials) -> Iterator[list[Node]]:
    nodes = [Node(spec, ordinal, namespace, credentials) for ordinal in range(spec.replicas)]
    try:
        yield nodes
    finally:
        for node in nodes:
            node.client.close()


def count_ready(admin: Admin, namespace: str, service: str) -> int:
    """To how many pods a Service leads."""
    slices = admin.find_all(SLICES, namespace, labels={"kubernetes.io/service-name": service})
    return sum(bool(one["conditions"].get("ready")) for found in slices for one in found["endpoints"] or ())


def delete(namespace: str, spec: ClusterSpec) -> None:
    kubectl(namespace, "delete", KINDS, "-l", names.list_selector(spec), "--wait=true", PATIENCE)


def kubectl(namespace: str, *words: str, body: Sequence[Manifest] | None = None) -> None:
    given: Json = {"apiVersion": "v1", "kind": "List", "items": [without_owner(one) for one in body or ()]}
    command = ["kubectl", "-n", namespace, *words]
    done = subprocess.run(command, input=json.dumps(given), text=True, capture_output=True, timeout=180, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"


def without_owner(manifest: Manifest) -> Manifest:
    """The garbage collector would take what an owner that is not there owns."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "ownerReferences"}
    return {**manifest, "metadata": metadata}
