"""Instances that are killed, held still, emptied or kept from their port: the cluster is whole again by itself.

Nothing here asks for `detail` while it waits, since that wakes a worker.
"""

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any

import httpx
import pytest

from tests.e2e.inside import Inside, seconds_until
from tests.e2e.service import Service, User, wait_until
from tests.e2e.writers import Readers, Writers, assert_everywhere, names_in, numbered, put_all

WHOLE = 30.0
"""Seconds within which a cluster is whole again, counted from when its instances answer."""

NOISE = 3
"""How many times slower than promised a busy machine may be."""

TAG = "ring"
_numbers = count()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"KANTO_BRIDGE_AFTER": "6", "KANTO_GRACE": "1"}
    made = Service(tmp_path_factory.mktemp("instances") / "home", range(26000, 27000), settings)
    made.start()
    yield made
    made.end()


@pytest.fixture(scope="module")
def user(service: Service) -> User:
    return service.user("ringo")


@pytest.fixture(scope="module")
def inside(service: Service) -> Inside:
    return Inside(service)


@pytest.fixture(scope="module")
def made(user: User) -> dict[str, Any]:
    result: dict[str, Any] = user.result("create", cluster_tag=TAG, replicas=4)
    put_all(user.couch(result["Endpoint"]), "test", numbered(100))
    return result


@pytest.fixture
def ring(user: User, made: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A cluster of four that is ready, before each test and after it."""
    assert made
    yield user.ready(TAG)
    assert_everywhere(user, TAG, {f"doc{n}" for n in range(100)})
    assert {one["State"] for one in user.ready(TAG)["Instances"]} == {"serving"}


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/_up", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def seconds_until_whole(user: User, ring: dict[str, Any]) -> float:
    """From when all instances answer until what is written on each is on every other."""
    clients = [user.couch(one["Url"]) for one in ring["Instances"]]
    wait_until("all instances to answer", lambda: all(map(answers, clients)))
    marks = {f"mark{next(_numbers)}": client for client in clients}
    for mark, client in marks.items():
        assert client.put(f"/test/{mark}", json={}).status_code == 201
    took = seconds_until(
        "every write on every instance", lambda: all(marks.keys() <= names_in(client, "test") for client in clients)
    )
    assert took < WHOLE * NOISE
    return took


@contextmanager
def no_worker_looks(service: Service, inside: Inside) -> Iterator[None]:
    """Both workers held still, so that something can be done before they see it."""
    with ExitStack() as stack:
        for pid in service.processes("-m worker"):
            stack.enter_context(inside.held_still(pid))
        yield


def test_a_killed_instance_is_back_with_its_data(user: User, inside: Inside, ring: dict[str, Any]) -> None:
    victim = ring["Instances"][1]
    os.kill(inside.pid(victim["Name"]), signal.SIGKILL)
    seconds_until("the killed instance to answer", lambda: answers(user.couch(victim["Url"])))
    seconds_until_whole(user, ring)


def test_all_instances_killed_at_once_come_back_with_their_data(
    user: User, inside: Inside, ring: dict[str, Any]
) -> None:
    for instance in ring["Instances"]:
        os.kill(inside.pid(instance["Name"]), signal.SIGKILL)
    seconds_until_whole(user, ring)
    assert "data_lost" not in {reason["code"] for reason in user.ready(TAG)["Reasons"]}


def test_writers_hardly_notice_a_killed_instance(user: User, inside: Inside, ring: dict[str, Any]) -> None:
    with Writers(user, ring["Endpoint"], prefix=f"kill{next(_numbers)}") as writers:
        writers.wait_for(20)
        os.kill(inside.pid(ring["Instances"][2]["Name"]), signal.SIGKILL)
        writers.wait_for(100)
    assert (writers.odd, writers.nobody) == ([], 0)
    assert_everywhere(user, TAG, writers.acknowledged)


def test_replications_deleted_by_hand_are_put_back(user: User, ring: dict[str, Any]) -> None:
    clients = [user.couch(one["Url"]) for one in ring["Instances"]]
    before = [kantos(client) for client in clients]
    assert all(before)
    for client, documents in zip(clients, before, strict=True):
        for name, revision in documents.items():
            assert client.delete(f"/_replicator/{name}", params={"rev": revision}).status_code == 200
    seconds_until(
        "the replications to be back",
        lambda: all(kantos(client).keys() == was.keys() for client, was in zip(clients, before, strict=True)),
    )
    seconds_until_whole(user, ring)


def test_replications_altered_by_hand_are_put_back(user: User, ring: dict[str, Any]) -> None:
    client = user.couch(ring["Instances"][0]["Url"])
    (name,) = (name for name in kantos(client) if name.startswith("kanto:test:"))
    before = client.get(f"/_replicator/{name}").json()
    elsewhere = {**before, "target": {**before["target"], "url": "http://127.0.0.1:9/test"}}
    assert client.put(f"/_replicator/{name}", json=elsewhere).status_code == 201
    seconds_until(
        "the target to be put back",
        lambda: client.get(f"/_replicator/{name}").json()["target"]["url"] == before["target"]["url"],
    )
    seconds_until_whole(user, ring)


def kantos(client: httpx.Client) -> dict[str, str]:
    """The revision of each of kanto's documents on one instance."""
    rows = client.get("/_replicator/_all_docs").json()["rows"]
    return {row["id"]: row["value"]["rev"] for row in rows if row["id"].startswith("kanto:")}


def test_a_users_own_replication_is_left_alone(user: User, ring: dict[str, Any]) -> None:
    client = user.couch(ring["Instances"][0]["Url"])
    target = ring["Instances"][1]["Url"]
    login = {"auth": {"basic": {"username": user.name, "password": user.token}}}
    document = {"source": {"url": f"{ring['Instances'][0]['Url']}/test", **login}, "continuous": True}
    own = {**document, "target": {"url": f"{target}/test", **login}}
    assert client.put("/_replicator/mine", json=own).status_code == 201
    user.ready(TAG)
    found = client.get("/_replicator/mine").json()
    assert found["source"]["url"] == own["source"]["url"]  # type: ignore[index]
    assert client.delete("/_replicator/mine", params={"rev": found["_rev"]}).status_code == 200


def test_a_peer_that_hangs_is_bridged_and_holds_nothing_else_up(
    user: User, inside: Inside, ring: dict[str, Any]
) -> None:
    victim, *others = ring["Instances"]
    clients = [user.couch(one["Url"]) for one in others]
    with inside.held_still(inside.pid(victim["Name"])):
        seconds_until("a ring of the others", lambda: runs_to(clients[-1], others[0]["Name"]))
        mark = f"bridged{next(_numbers)}"
        assert clients[-1].put(f"/test/{mark}", json={}).status_code == 201
        seconds_until("a write over the bridge", lambda: mark in names_in(clients[0], "test"))
        seconds_until("nobody to be sent to it", lambda: everybody_is_served(ring["Endpoint"]))
        took = seconds_until(
            "another cluster meanwhile", lambda: user.result("create", cluster_tag="aside", replicas=1)
        )
        assert took < WHOLE * NOISE
        user.result("delete", cluster_tag="aside")
    seconds_until_whole(user, ring)
    seconds_until("the bridge to go", lambda: not runs_to(clients[-1], others[0]["Name"]))


def everybody_is_served(endpoint: str) -> bool:
    """Whether new connections, twice as many as there are instances, all get an answer."""
    try:
        return all(httpx.get(f"{endpoint}/_up", timeout=2).status_code == 200 for _ in range(8))
    except httpx.HTTPError:
        return False


def runs_to(client: httpx.Client, name: str) -> bool:
    return any(document.endswith(f":{name}") for document in kantos(client))


def test_an_instance_whose_port_is_taken_is_named_and_comes_back(
    service: Service, user: User, inside: Inside, ring: dict[str, Any]
) -> None:
    victim = ring["Instances"][3]
    port = int(victim["Url"].rpartition(":")[2])
    with socket.socket() as stranger:
        with no_worker_looks(service, inside):
            os.kill(inside.pid(victim["Name"]), signal.SIGKILL)
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            wait_until("the port", lambda: can_listen(stranger, port))
        seconds_until("people to be told", lambda: user.detail(TAG)["Instances"][3]["State"] == "down")
        shown = user.detail(TAG)
        assert shown["Status"] == "degraded"
        told = [one["text"] for one in shown["Reasons"] if one["code"] == "instance_down"]
        assert len(told) == 1
        assert str(port) in told[0]
        others = [user.couch(one["Url"]) for one in ring["Instances"][:3]]
        seconds_until("a ring of the others", lambda: runs_to(others[2], ring["Instances"][0]["Name"]))
        seconds_until("nobody to be sent to the stranger", lambda: everybody_is_served(ring["Endpoint"]))
    seconds_until("the instance to answer", lambda: answers(user.couch(victim["Url"])))
    seconds_until_whole(user, ring)


def can_listen(stranger: socket.socket, port: int) -> bool:
    try:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
    except OSError:
        return False
    return True


def test_an_emptied_instance_is_filled_before_it_serves(
    service: Service, user: User, inside: Inside, ring: dict[str, Any]
) -> None:
    victim = ring["Instances"][1]["Name"]
    folder = inside.folder(victim)
    with Readers(user, ring["Endpoint"], [f"doc{n}" for n in range(100)]) as readers:
        with no_worker_looks(service, inside):
            os.kill(inside.pid(victim), signal.SIGKILL)
            shutil.rmtree(folder / "data" / "couchdb")
            (folder / "data" / "uuid").unlink()
        client = user.couch(ring["Instances"][1]["Url"])
        wait_until("the emptied instance to answer", lambda: answers(client))
        seconds_until("the emptied instance to serve", lambda: serves(user, 1))
    assert readers.odd == []
    assert user.ready(TAG)["Instances"][1]["Uuid"] != ring["Instances"][1]["Uuid"]
    seconds_until_whole(user, ring)


def serves(user: User, ordinal: int) -> bool:
    return bool(user.detail(TAG)["Instances"][ordinal]["State"] == "serving")


def test_a_dead_balancer_is_back_within_a_second(user: User, inside: Inside, ring: dict[str, Any]) -> None:
    first = ring["Instances"][0]["Name"]
    dead = inside.balancer(first)
    os.kill(dead, signal.SIGKILL)
    wait_until("the end of the balancer", lambda: inside.balancer(first) != dead)
    took = seconds_until("the endpoint", lambda: answers(user.couch(ring["Endpoint"])))
    assert took < 1.0 * NOISE


def test_an_instance_killed_while_a_job_runs_delays_it(user: User, inside: Inside) -> None:
    made = user.result("create", cluster_tag="busy", replicas=3)
    endpoint = user.couch(made["Endpoint"])
    put_all(endpoint, "test", numbered(100))
    for replicas, step in ((5, "filling new instances"), (2, "draining the instances that leave")):
        job = user.begin("scale", cluster_tag="busy", replicas=replicas)
        inside.wait_for(job, step)
        victim = user.detail("busy")["Instances"][2]["Name"]
        os.kill(inside.pid(victim), signal.SIGKILL)
        assert user.ended(job)["status"] == "succeeded"
        assert_everywhere(user, "busy", {f"doc{n}" for n in range(100)})
    user.result("delete", cluster_tag="busy")
