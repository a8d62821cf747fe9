from collections.abc import Iterator

import pytest

from tests.fake_kubernetes.server import FakeKubernetes
from worker.platforms.kubernetes.call import Caller
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.connect import connect
from worker.platforms.kubernetes.platform import KubernetesPlatform

from .clusters import PLAIN


@pytest.fixture
def fake() -> Iterator[FakeKubernetes]:
    with FakeKubernetes(PLAIN.namespace) as entered:
        yield entered


@pytest.fixture
def client(fake: FakeKubernetes) -> Iterator[Client]:
    """Asks again at once what is busy."""
    api = connect(url=fake.url, kubeconfig=None, is_in_cluster=False, connections=4)
    made = Client(Caller(api, sleep=lambda _seconds: None), PLAIN.namespace)
    yield made
    made.close()


@pytest.fixture
def platform(client: Client) -> KubernetesPlatform:
    return KubernetesPlatform(client, PLAIN)
