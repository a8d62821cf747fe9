"""The fake API server as a place for the contract suite."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from common.cluster import ClusterSpec, Spawner
from tests.contract.platform.spawned import PodHost, Spawned
from tests.fake_kubernetes.server import FakeKubernetes
from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.call import Caller
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.connect import connect
from worker.platforms.kubernetes.platform import KubernetesPlatform
from worker.platforms.kubernetes.shape import Shape
from worker.ports import Platform


@dataclass(kw_only=True)
class FakeHost(PodHost):
    fake: FakeKubernetes

    def platform(self) -> Platform:
        api = connect(url=self.fake.url, kubeconfig=None, is_in_cluster=False, connections=10)
        client = Client(Caller(api), self.fake.objects.namespace)
        self.ends.callback(client.close)
        return Spawned(KubernetesPlatform(client, Shape(namespace=client.namespace)), self.spawner)

    def kill(self, spec: ClusterSpec, name: str) -> None:  # noqa: ARG002
        with self.fake.change() as objects:
            for pod in objects.all("pods"):
                if name in (pod["metadata"]["name"], pod["metadata"]["labels"].get(names.INSTANCE)):
                    objects.delete("pods", pod["metadata"]["name"])

    def lose(self, spec: ClusterSpec, name: str) -> None:
        if claim := self.claim_of(spec, name):
            with self.fake.change() as objects:
                objects.delete("persistentvolumeclaims", claim)
        self.kill(spec, name)

    def lose_credentials(self, spec: ClusterSpec) -> None:
        with self.fake.change() as objects:
            objects.delete("secrets", names.login(spec))


@contextmanager
def fake_host(_folder: Path, *, spawner: Spawner) -> Iterator[FakeHost]:
    with ExitStack() as ends:
        yield FakeHost(fake=ends.enter_context(FakeKubernetes()), spawner=spawner, ends=ends)
