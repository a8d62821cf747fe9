"""Pods that go away: the ring is whole again by itself, and nobody reads from an instance that is not filled.

Nothing here asks for `detail` while it measures, since that wakes a worker.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import pytest

from common.cluster import Spawner
from common.names import cluster_name
from tests.e2e.service import User, wait_until
from tests.e2e.writers import Readers, assert_everywhere, names_in, numbered, put_all
from tests.kubernetes.admin import Admin, Json, is_ready
from tests.kubernetes.couch import answers, endpoint_of
from tests.kubernetes.figures import seconds_until
from tests.kubernetes.service import SPAWNERS, Service
from worker.platforms.kubernetes.resources import PODS, VOLUME_CLAIMS

WHOLE = 30.0
"""Seconds within which a ring is whole again, counted from when its pods are ready."""

NOISE = 3
"""How many times slower than promised a busy machine may be."""

TAG = "pods"
DOCUMENTS = {f"doc{n}" for n in range(100)}
_numbers = count()


@dataclass(frozen=True, slots=True)
class Ring:
    """A cluster of three that is ready when a test begins and has to be so when it ends."""

    user: User
    spawner: Spawner
    namespace: str
    admin: Admin
    endpoint: str
    instances: tuple[dict[str, Any], ...]

    @property
    def cluster(self) -> str:
        return cluster_name(self.user.name, TAG)

    @property
    def keeps_data(self) -> bool:
        return self.spawner != "deployment"

    def pod(self, number: int) -> Json:
        found = self.admin.pod_of(self.namespace, self.instances[number]["Name"])
        assert found is not None
        return found

    def clients(self) -> list[httpx.Client]:
        """Of the pods' own addresses, whatever their names are now."""
        return [
            self.user.couch(f"http://{pod['status']['podIP']}:5984")
            for pod in self.admin.pods(self.namespace, self.cluster)
        ]


@pytest.fixture(scope="module", params=SPAWNERS)
def made(service: Service, request: pytest.FixtureRequest) -> Iterator[User]:
    user = service.user(f"poe-{request.param}", request.param)
    result = user.result("create", cluster_tag=TAG, replicas=3)
    put_all(endpoint_of(user, result), "test", numbered(100))
    yield user
    user.result("delete", cluster_tag=TAG)


@pytest.fixture
def ring(service: Service, admin: Admin, made: User) -> Iterator[Ring]:
    shown = made.ready(TAG)
    yield Ring(made, shown["Spawner"], service.namespace, admin, shown["Endpoint"], tuple(shown["Instances"]))
    assert_everywhere(made, TAG, DOCUMENTS)
    assert {one["State"] for one in made.ready(TAG)["Instances"]} == {"serving"}


def wait_for_pods(ring: Ring, gone: set[str]) -> None:
    """Until there are three that answer, none of which is one of `gone` (uids)."""

    def are_there() -> bool:
        pods = ring.admin.pods(ring.namespace, ring.cluster)
        return len(pods) == 3 and all(is_ready(pod) and pod["metadata"]["uid"] not in gone for pod in pods)

    seconds_until(f"three ready pods with {ring.spawner}", are_there)


def whole_within(ring: Ring, what: str) -> None:
    """From now, when all pods are ready, until what is written on each is on every other."""
    clients = ring.clients()
    marks = {f"mark{next(_numbers)}": client for client in clients}

    def are_written() -> bool:
        return all(client.put(f"/test/{mark}", json={}).status_code in (201, 409) for mark, client in marks.items())

    took = seconds_until(f"the database on all instances after {what}, {ring.spawner}", are_written)
    took += seconds_until(
        f"the ring whole after {what}, {ring.spawner}",
        lambda: all(marks.keys() <= names_in(client, "test") for client in clients),
    )
    assert took < WHOLE * NOISE


def uuids(shown: dict[str, Any] | Ring) -> list[str]:
    instances = shown.instances if isinstance(shown, Ring) else shown["Instances"]
    return [one["Uuid"] for one in instances]


def test_a_deleted_pod_comes_back_and_the_ring_is_whole(ring: Ring) -> None:
    before = ring.pod(1)
    ring.admin.delete(PODS, ring.namespace, before["metadata"]["name"])
    wait_for_pods(ring, {before["metadata"]["uid"]})
    whole_within(ring, "a deleted pod")
    after = ring.user.ready(TAG)
    if ring.keeps_data:
        assert uuids(after) == uuids(ring), "the same volume, the same uuid"
        assert volumes_of(ring.pod(1)) == volumes_of(before)
    else:
        assert len(set(uuids(after)) & set(uuids(ring))) == 2, "a new pod is a new instance"


def volumes_of(pod: Json) -> list[str]:
    volumes = pod["spec"]["volumes"]
    return [one["persistentVolumeClaim"]["claimName"] for one in volumes if "persistentVolumeClaim" in one]


def test_a_pod_that_loses_its_volume_is_filled_before_it_serves(ring: Ring) -> None:
    pod = ring.pod(1)
    with Readers(ring.user, ring.endpoint, sorted(DOCUMENTS)) as readers:
        for claim in volumes_of(pod):
            ring.admin.delete(VOLUME_CLAIMS, ring.namespace, claim)
        ring.admin.delete(PODS, ring.namespace, pod["metadata"]["name"])
        wait_for_pods(ring, {pod["metadata"]["uid"]})
        whole_within(ring, "a lost volume")
        after = ring.user.ready(TAG)
    assert readers.odd == [], "nobody reads from an instance that is not filled"
    assert readers.found > 20
    assert len(set(uuids(after)) & set(uuids(ring))) == 2
    if ring.keeps_data:
        assert [one["Name"] for one in after["Instances"]] == [one["Name"] for one in ring.instances]


def test_an_evicted_pod_comes_back_and_no_second_one_goes_meanwhile(ring: Ring) -> None:
    first, second = ring.pod(0), ring.pod(2)
    assert evict(ring, first) == 201
    assert evict(ring, second) == 429, "the disruption budget spares the others while one is not filled"
    wait_for_pods(ring, {first["metadata"]["uid"]})
    whole_within(ring, "an eviction")
    ring.user.ready(TAG)
    wait_until("the next one to be free to go", lambda: evict(ring, second, dry=True) == 201)


def evict(ring: Ring, pod: Json, *, dry: bool = False) -> int:
    name = pod["metadata"]["name"]
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": ring.namespace},
        **({"deleteOptions": {"dryRun": ["All"]}} if dry else {}),
    }
    return ring.admin.status("POST", f"{PODS.path(ring.namespace, name)}/eviction", body)


def test_all_pods_deleted_at_once(ring: Ring) -> None:
    """With volumes all is there again; without, all is lost, which is said and not hidden (H6)."""
    pods = [ring.pod(number) for number in range(3)]
    for pod in pods:
        ring.admin.delete(PODS, ring.namespace, pod["metadata"]["name"])
    wait_for_pods(ring, {pod["metadata"]["uid"] for pod in pods})
    whole_within(ring, "the loss of all pods")
    if ring.keeps_data:
        assert uuids(ring.user.ready(TAG)) == uuids(ring)
        return
    shown = wait_until("the loss to be told", lambda: says_data_lost(ring.user))
    assert {one["State"] for one in shown["Instances"]} == {"serving"}, "empty ones serve: there are no others"
    endpoint = ring.user.couch(ring.endpoint)
    wait_until("the endpoint to lead to them", lambda: answers(ring.endpoint))
    put_all(endpoint, "test", numbered(100))
    ring.user.result("replicate", cluster_tag=TAG, databases="test")
    assert "data_lost" not in {one["code"] for one in ring.user.ready(TAG)["Reasons"]}, "an operation acknowledges it"


def says_data_lost(user: User) -> dict[str, Any] | None:
    shown = user.detail(TAG)
    return shown if "data_lost" in {one["code"] for one in shown["Reasons"]} else None
