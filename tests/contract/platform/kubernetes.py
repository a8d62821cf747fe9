"""Kubernetes as a place for the contract suite: a namespace of its own in the lab, with exactly the chart's rights."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.cluster import ClusterSpec, Spawner
from tests.contract.platform.spawned import PodHost, Spawned
from tests.kubernetes.admin import Admin
from tests.kubernetes.place import Place, made_place
from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.call import Caller
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.connect import connect
from worker.platforms.kubernetes.platform import KubernetesPlatform
from worker.platforms.kubernetes.resources import PODS, SECRETS, VOLUME_CLAIMS
from worker.platforms.kubernetes.shape import Resources, Shape
from worker.ports import Platform


@dataclass(kw_only=True)
class KubernetesHost(PodHost):
    admin: Admin
    place: Place

    def platform(self) -> Platform:
        api = connect(url=None, kubeconfig=self.place.kubeconfig, is_in_cluster=False, connections=10)
        client = Client(Caller(api), self.place.namespace)
        self.ends.callback(client.close)
        shape = Shape(
            namespace=self.place.namespace,
            kanto_namespace=self.place.namespace,
            image="lab.local/couchdb:3.5",
            resources=Resources({"cpu": "10m", "memory": "64Mi"}),
            grace_seconds=5,
        )
        return Spawned(KubernetesPlatform(client, shape), self.spawner)

    def kill(self, spec: ClusterSpec, name: str) -> None:  # noqa: ARG002
        self.admin.delete(PODS, self.place.namespace, self._pod(name))

    def lose(self, spec: ClusterSpec, name: str) -> None:
        if claim := self.claim_of(spec, name):
            self.admin.delete(VOLUME_CLAIMS, self.place.namespace, claim)
        self.kill(spec, name)

    def lose_credentials(self, spec: ClusterSpec) -> None:
        self.admin.delete(SECRETS, self.place.namespace, names.login(spec))

    def _pod(self, name: str) -> str:
        pod = self.admin.pod_of(self.place.namespace, name)
        assert pod is not None, f"{name} has no pod"
        return str(pod["metadata"]["name"])


@contextmanager
def kubernetes_host(folder: Path, *, spawner: Spawner) -> Iterator[KubernetesHost]:
    """The lab of dev/kubernetes, from inside of it."""
    with ExitStack() as ends:
        admin = Admin(Path(os.environ["KUBECONFIG"]))
        ends.callback(admin.close)
        folder.mkdir(parents=True, exist_ok=True)
        place = ends.enter_context(made_place(admin, folder, "contract"))
        yield KubernetesHost(admin=admin, place=place, spawner=spawner, ends=ends)
