"""The fake API server as a place for the contract suite."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from common.cluster import ClusterSpec, Spawner
from tests.contract.platform.spawned import Spawned
from tests.fake_kubernetes.server import FakeKubernetes
from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.call import Caller
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.connect import connect
from worker.platforms.kubernetes.platform import KubernetesPlatform
from worker.platforms.kubernetes.shape import Shape
from worker.ports import Platform


@dataclass
class FakeHost:
    """An instance dies with its pod; a new pod gets no traffic before kanto says so."""

    fake: FakeKubernetes
    spawner: Spawner
    ends: ExitStack
    keeps_place: bool = False
    keeps_data: bool = field(init=False)
    has_ordinals: bool = field(init=False)

    def __post_init__(self) -> None:
        self.keeps_data = self.has_ordinals = self.spawner != "deployment"

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
        if self.spawner != "deployment":
            spec = replace(spec, spawner=self.spawner)
            ordinal = names.ordinal(spec, name)
            assert ordinal is not None
            claim = names.claim(spec, ordinal) if self.spawner == "statefulset" else name
            with self.fake.change() as objects:
                objects.delete("persistentvolumeclaims", claim)
        self.kill(spec, name)

    def lose_credentials(self, spec: ClusterSpec) -> None:
        with self.fake.change() as objects:
            objects.delete("secrets", names.login(spec))


@contextmanager
def fake_host(_folder: Path, *, spawner: Spawner) -> Iterator[FakeHost]:
    with ExitStack() as ends:
        yield FakeHost(ends.enter_context(FakeKubernetes()), spawner, ends)
