"""The administrator of the lab's Kubernetes: sees and changes everything, in plain JSON."""

import base64
import json
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from common.names import cluster_name
from tests.e2e.service import wait_until
from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.resources import BY_KIND, PODS, Resource

Json = dict[str, Any]

NAMESPACES = "/api/v1/namespaces"
VOLUMES = "/api/v1/persistentvolumes"
MERGE = "application/merge-patch+json"

ACCOUNTS = Resource("/api/v1", "serviceaccounts", "ServiceAccount")
QUOTAS = Resource("/api/v1", "resourcequotas", "ResourceQuota")
ROLES = Resource("/apis/rbac.authorization.k8s.io/v1", "roles", "Role")
BINDINGS = Resource("/apis/rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding")
REPLICA_SETS = Resource("/apis/apps/v1", "replicasets", "ReplicaSet")
REVISIONS = Resource("/apis/apps/v1", "controllerrevisions", "ControllerRevision")
SLICES = Resource("/apis/discovery.k8s.io/v1", "endpointslices", "EndpointSlice")

MADE_FOR_CLUSTERS = (*BY_KIND.values(), REPLICA_SETS, REVISIONS, SLICES)
"""Every kind of which kanto or a controller makes an object for a cluster."""


class Admin:
    """Calls that must go well raise AssertionError with the server's answer when they do not."""

    def __init__(self, kubeconfig: Path) -> None:
        """`kubeconfig` is JSON, as the lab writes it."""
        known = json.loads(kubeconfig.read_text())
        cluster, user = known["clusters"][0]["cluster"], known["users"][0]["user"]
        self.server: str = cluster["server"]
        self.authority: str = cluster["certificate-authority-data"]
        context = ssl.create_default_context(cadata=_text(self.authority))
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(_text(user["client-certificate-data"]) + _text(user["client-key-data"]))
            file.flush()
            context.load_cert_chain(file.name)
        self._client = httpx.Client(base_url=self.server, verify=context, trust_env=False, timeout=30)

    def close(self) -> None:
        self._client.close()

    # any path

    def ask(self, method: str, path: str, body: Json | None = None, *, content: str = "application/json") -> Json:
        answer = self._client.request(
            method,
            path,
            content=None if body is None else json.dumps(body),
            headers={"Content-Type": content},
        )
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        found: Json = answer.json()
        return found

    def status(self, method: str, path: str, body: Json | None = None) -> int:
        """The HTTP status of a call that may be refused."""
        return self._client.request(method, path, json=body).status_code

    # objects of a namespace

    def get(self, resource: Resource, namespace: str, name: str) -> Json | None:
        answer = self._client.get(resource.path(namespace, name))
        assert answer.status_code in (200, 404), answer.text
        return answer.json() if answer.status_code == 200 else None

    def there(self, resource: Resource, namespace: str, name: str) -> Json:
        """As `get`, of an object that must be there."""
        found = self.get(resource, namespace, name)
        assert found is not None, f"no {resource.kind} {name}"
        return found

    def find_all(self, resource: Resource, namespace: str, *, labels: Mapping[str, str] | None = None) -> list[Json]:
        answer = self._client.get(resource.path(namespace), params={"labelSelector": _selector(labels)})
        assert answer.status_code == 200, answer.text
        items: list[Json] = answer.json()["items"]
        return items

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        full = {"apiVersion": resource.api.removeprefix("/apis/").removeprefix("/api/"), "kind": resource.kind, **body}
        return self.ask("POST", resource.path(namespace), full)

    def patch(self, resource: Resource, namespace: str, name: str, change: Json) -> Json:
        return self.ask("PATCH", resource.path(namespace, name), change, content=MERGE)

    def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """Ask for its deletion; it may be gone already."""
        answer = self._client.delete(resource.path(namespace, name))
        assert answer.status_code in (200, 202, 404), answer.text

    @contextmanager
    def watched(self, resource: Resource, namespace: str, name: str) -> Iterator[list[Json]]:
        """Every state that this object goes through in the block, the one at its beginning first."""
        seen = [self.there(resource, namespace, name)]
        query = {
            "watch": "true",
            "fieldSelector": f"metadata.name={name}",
            "resourceVersion": seen[0]["metadata"]["resourceVersion"],
        }
        with self._client.stream("GET", resource.path(namespace), params=query, timeout=600) as answer:
            assert answer.status_code == 200, answer.read()
            reader = threading.Thread(target=_read_events, args=(answer, seen), daemon=True)
            reader.start()
            try:
                yield seen
            finally:
                answer.close()
        reader.join(timeout=30)

    # clusters

    def pods(self, namespace: str, cluster: str) -> list[Json]:
        """Those of a cluster that are not ending."""
        found = self.find_all(PODS, namespace, labels={names.INSTANCE_OF: cluster})
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def pod_of(self, namespace: str, instance: str) -> Json | None:
        """The pod that carries an instance now: of its name, or (rc) with its label."""
        for pod in self.find_all(PODS, namespace):
            metadata = pod["metadata"]
            is_it = instance in (metadata["name"], metadata.get("labels", {}).get(names.INSTANCE))
            if is_it and "deletionTimestamp" not in metadata:
                return pod
        return None

    def left(self, namespace: str, user: str, tag: str) -> list[str]:
        """Every object that is there for a cluster, volumes too, as `Kind name`."""
        cluster = cluster_name(user, tag)
        found = [
            f"{resource.kind} {item['metadata']['name']}"
            for resource in MADE_FOR_CLUSTERS
            for item in self.find_all(resource, namespace)
            if cluster in item["metadata"]["name"]
            or (item["metadata"].get("labels") or {}).get(names.INSTANCE_OF) == cluster
        ]
        claims = [(volume["metadata"]["name"], volume["spec"].get("claimRef") or {}) for volume in self._volumes()]
        return found + [
            f"PersistentVolume {name}"
            for name, claim in claims
            if claim.get("namespace") == namespace and cluster in claim.get("name", "")
        ]

    def _volumes(self) -> list[Json]:
        items: list[Json] = self.ask("GET", VOLUMES)["items"]
        return items

    def wait_until_nothing_is_left(self, namespace: str, user: str, tag: str) -> None:
        """What the garbage collector and the volumes' provisioner still have to remove goes within a bounded time."""
        wait_until(f"{tag} to leave nothing", lambda: not self.left(namespace, user, tag), seconds=90)


def is_ready(pod: Json) -> bool:
    """Whether its containers answer, whatever kanto's gate says."""
    conditions = pod["status"].get("conditions", [])
    return any(one["type"] == "ContainersReady" and one["status"] == "True" for one in conditions)


def _text(data: str) -> str:
    return base64.b64decode(data).decode()


def _selector(labels: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in (labels or {}).items())


def _read_events(answer: httpx.Response, seen: list[Json]) -> None:
    with suppress(httpx.HTTPError, httpx.StreamError):  # the end of the block closes it
        for line in answer.iter_lines():
            event = json.loads(line)
            if event["type"] in ("ADDED", "MODIFIED"):
                seen.append(event["object"])
