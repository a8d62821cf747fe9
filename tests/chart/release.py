"""kanto as the chart installs it, in a namespace that takes only pods of the "restricted" level."""

import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.chart.parts import HELM, TAG
from tests.e2e.service import User, is_well, wait_until
from tests.kubernetes.admin import NAMESPACES, Admin
from tests.kubernetes.place import RESTRICTED
from worker.platforms.kubernetes.resources import PODS, SERVICES

CHART = Path(__file__).parents[2] / "helm" / "kanto"
NAME = "kanto"
VALUES: Mapping[str, Any] = {
    "image": {"tag": TAG, "pullPolicy": "Never"},
    "redis": {"image": f"localhost/kanto-redis-standin:{TAG}", "pullPolicy": "Never"},
    "clusters": {
        "image": f"localhost/kanto-couchdb-standin:{TAG}",
        "pullPolicy": "Never",
        "requests": {"cpu": "10m", "memory": "64Mi"},
    },
    "settings": {"KANTO_PASSWORD_ITERATIONS": 1000, "KANTO_GRACE": 1},
}


class HelmError(Exception):
    """What helm said."""


class Helm:
    """The program, with folders of its own."""

    def __init__(self, folder: Path) -> None:
        folders = {f"HELM_{kind}_HOME": str(folder / kind) for kind in ("CACHE", "CONFIG", "DATA")}
        self._environment = {**os.environ, **folders}
        self._values = folder / "values.json"

    def __call__(self, *words: str, values: Mapping[str, Any] | None = None) -> str:
        """What it printed; HelmError with what it said when it failed. Values are a file of their own."""
        command = [os.environ[HELM], *words]
        if values is not None:
            self._values.write_text(json.dumps(values), encoding="utf-8")
            command += ["--values", str(self._values)]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode != 0:
            raise HelmError(done.stderr + done.stdout)
        return done.stdout


class Release:
    """One release. Its api is reached through its Service."""

    def __init__(self, admin: Admin, helm: Helm, namespace: str) -> None:
        self.admin = admin
        self.helm = helm
        self.namespace = namespace
        self.clients = ExitStack()
        admin.ask("POST", NAMESPACES, {"metadata": {"name": namespace, "labels": RESTRICTED}})

    @property
    def url(self) -> str:
        spec = self.admin.there(SERVICES, self.namespace, NAME)["spec"]
        return f"http://{spec['clusterIP']}:{spec['ports'][0]['port']}"

    def user(self, name: str, token: str = "Ty5wvW7LuQ3T") -> User:
        return User(self, name, token)

    def put(self, values: Mapping[str, Any] = VALUES) -> None:
        """Install or upgrade, and wait until all pods are ready."""
        words = ["upgrade", "--install", NAME, str(CHART), "--namespace", self.namespace, "--wait", "--timeout", "180s"]
        self.helm(*words, values=values)

    def scale_workers(self, count: int) -> None:
        self.put({**VALUES, "worker": {"replicas": count}})

    def remove(self) -> None:
        self.helm("uninstall", NAME, "--namespace", self.namespace, "--wait", "--timeout", "180s")

    def pods(self, component: str) -> list[dict[str, Any]]:
        """Of the api, of workers or of Redis; those that are ending not."""
        labels = {"app.kubernetes.io/instance": NAME, "app.kubernetes.io/component": component}
        found = self.admin.find_all(PODS, self.namespace, labels=labels)
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def wait_until_ready(self) -> None:
        """Until Redis answers and a worker was seen."""
        wait_until("kanto to be ready", lambda: is_well(f"{self.url}/readyz"), seconds=120)

    def end(self) -> None:
        self.clients.close()
        self.admin.ask("DELETE", f"{NAMESPACES}/{self.namespace}")


def merged(changes: Mapping[str, Any], base: Mapping[str, Any] = VALUES) -> dict[str, Any]:
    """Values with changes, group by group."""
    whole = dict(base)
    for name, value in changes.items():
        old = whole.get(name)
        whole[name] = merged(value, old) if isinstance(value, Mapping) and isinstance(old, Mapping) else value
    return whole
