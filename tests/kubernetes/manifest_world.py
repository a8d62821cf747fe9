"""A namespace of the lab's that lets only restricted pods in, and one cluster's manifests in it, by kubectl."""

import base64
import http.client
import json
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from common.cluster import ClusterSpec, Spawner
from tests.kubernetes.place import load_rules
from worker.platforms.kubernetes import names, pod
from worker.platforms.kubernetes.frame import Frame, Manifest
from worker.platforms.kubernetes.gate import build_gate
from worker.platforms.kubernetes.login import build_login
from worker.platforms.kubernetes.shape import Shape
from worker.platforms.kubernetes.sizes import MADE_ONCE
from worker.platforms.kubernetes.spawners.spawner import find
from worker.platforms.login import Login, make_login

IMAGE = "lab.local/couchdb:3.5"
PATIENCE = 120.0


def kubectl(*arguments: str, body: object = None, namespace: str = "default", is_tried: bool = False) -> str:
    """What kubectl says; an error fails the test, unless it is `is_tried`: then it is what is said."""
    done = subprocess.run(
        ["kubectl", "--request-timeout=20s", "-n", namespace, *arguments],
        input=None if body is None else json.dumps(body),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if is_tried:
        return done.stdout + done.stderr
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def until(look: Callable[[], Any], what: str) -> Any:
    """The first answer that says something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {PATIENCE:g} s for {what}")


@dataclass
class World:
    """One cluster of `spawner`."""

    spawner: Spawner
    namespace: str = field(default_factory=lambda: f"manifests-{secrets.token_hex(4)}")
    login: Login = field(default_factory=lambda: make_login(secrets.token_hex))
    spec: ClusterSpec = field(init=False)
    frame: Frame = field(init=False)

    def __post_init__(self) -> None:
        self.spec = ClusterSpec(
            user="Ann@Example.com",
            tag="my-test-db1",
            incarnation=secrets.token_hex(8),
            replicas=2,
            databases=("test",),
            admin_name="Ann@Example.com",
            admin_line=self.login.line,
            spawner=self.spawner,
        )

    def up(self) -> None:
        """Namespace, anchor, login and two instances. None of it waits."""
        level = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace, "labels": level}})
        self._employ()
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": names.workload(self.spec)}}
        anchor = self.create(secret)
        shape = Shape(namespace=self.namespace, kanto_namespace=self.namespace, image=IMAGE)
        self.frame = Frame(self.spec, shape, anchor["metadata"]["uid"])
        self.create(build_login(self.frame, self.login, databases=pod.DATABASES, last=pod.LAST_INI))
        self.make("--dry-run=server")
        self.make()

    def _employ(self) -> None:
        """kanto's account, with exactly the chart's Role."""
        named, group = {"metadata": {"name": "kanto"}}, "rbac.authorization.k8s.io"
        self.create({"apiVersion": "v1", "kind": "ServiceAccount", **named})
        self.create({"apiVersion": f"{group}/v1", "kind": "Role", **named, "rules": list(load_rules())})
        binding: Manifest = {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            **named,
            "roleRef": {"apiGroup": group, "kind": "Role", "name": "kanto"},
            "subjects": [{"kind": "ServiceAccount", "name": "kanto", "namespace": self.namespace}],
        }
        self.create(binding)

    def down(self) -> None:
        kubectl("delete", "namespace", self.namespace, "--wait=false", "--ignore-not-found")

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        return find(self.spawner).build(self.frame, [0, 1])

    def kubectl(self, *arguments: str, body: object = None, is_tried: bool = False) -> str:
        return kubectl(*arguments, body=body, namespace=self.namespace, is_tried=is_tried)

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def create(self, manifest: Manifest) -> Any:
        return json.loads(self.kubectl("create", "-f", "-", "-o", "json", body=manifest))

    def make(self, *options: str) -> None:
        """All objects, with kanto's own rights: created where they are made once, else applied."""
        account = f"--as=system:serviceaccount:{self.namespace}:kanto"
        for is_once, *how in ((False, "apply", "--server-side", "--field-manager=kanto"), (True, "create")):
            chosen = [manifest for manifest in self.manifests if (manifest["kind"] in MADE_ONCE) is is_once]
            items = {"apiVersion": "v1", "kind": "List", "items": chosen}
            self.kubectl(*how, account, *options, "-f", "-", body=items)

    def patch(self, kind: str, name: str, body: Manifest, *, is_tried: bool = False) -> str:
        return self.kubectl("patch", kind, name, "--type=merge", "-p", json.dumps(body), is_tried=is_tried)

    def pods(self) -> dict[str, Any]:
        """By uid, those that are not on their way out."""
        found = self.get("pods", "-l", names.list_selector(self.spec))["items"]
        return {p["metadata"]["uid"]: p for p in found if "deletionTimestamp" not in p["metadata"]}

    def running(self, count: int = 2) -> dict[str, Any]:
        """The pods, once so many have a container that has started."""

        def look() -> dict[str, Any] | None:
            found = self.pods()
            started = [s["started"] for p in found.values() for s in p["status"].get("containerStatuses", [])]
            return found if len(found) == count == sum(map(bool, started)) else None

        return until(look, f"{count} running pods")  # type: ignore[no-any-return]

    def serve(self, name: str) -> None:
        gate = json.dumps(build_gate(serves=True, at=datetime.now(UTC)))
        self.kubectl("patch", "pod", name, "--subresource=status", "--type=strategic", "-p", gate)
        self.kubectl("wait", "pod", name, "--for=condition=Ready", "--timeout=60s")

    def ask(self, url: str, *, method: str = "GET", body: object = None) -> Any:
        """As kanto's admin; None when nobody answers."""
        secret = base64.b64encode(f"{self.login.name}:{self.login.password}".encode()).decode()
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Authorization": f"Basic {secret}"}, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return {"refused": error.code, "body": error.read().decode()}
        except (OSError, http.client.HTTPException):
            return None

    def base(self, name: str) -> str:
        return f"http://{self.get('pod', name)['status']['podIP']}:{names.PORT}"

    def uuid(self, name: str) -> str:
        return str(until(lambda: (self.ask(self.base(name)) or {}).get("uuid"), f"an answer of {name}"))

    def note(self, name: str, value: str) -> None:
        """Set a value at run time, as a fence does."""
        self.ask(f"{self.base(name)}/_node/_local/_config/kanto/noted", method="PUT", body=value)

    def noted(self, name: str) -> Any:
        return self.ask(f"{self.base(name)}/_node/_local/_config/kanto/noted")

    def restarts(self, name: str) -> int:
        return int(self.get("pod", name)["status"]["containerStatuses"][0]["restartCount"])
