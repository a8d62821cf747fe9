"""What docs/clients.md tells programs that use a cluster's databases."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.service import Service, User, wait_until

TAG = "clients"


@pytest.fixture(scope="module")
def user(service: Service) -> User:
    return service.user("clio")


@pytest.fixture(scope="module")
def cluster(user: User) -> Iterator[dict[str, Any]]:
    yield user.result("create", cluster_tag=TAG, replicas=2)
    user.result("delete", cluster_tag=TAG)


@pytest.fixture(scope="module")
def instances(user: User, cluster: dict[str, Any]) -> list[httpx.Client]:
    return [user.couch(one["Url"]) for one in cluster["Instances"]]


def test_a_connection_stays_with_its_instance_and_others_go_to_others(user: User, cluster: dict[str, Any]) -> None:
    one, other = user.couch(cluster["Endpoint"]), user.couch(cluster["Endpoint"])
    reached = [{client.get("/").json()["uuid"] for _ in range(5)} for client in (one, other)]
    assert [len(uuids) for uuids in reached] == [1, 1]
    assert reached[0] != reached[1]


def test_a_session_is_one_at_every_instance(user: User, cluster: dict[str, Any], instances: list[httpx.Client]) -> None:
    name, password = user.login
    answer = httpx.post(
        f"{cluster['Endpoint']}/_session", data={"name": name, "password": password}, trust_env=False, timeout=30
    )
    cookie = {"Cookie": f"AuthSession={answer.cookies['AuthSession']}"}
    for instance in instances:
        told = httpx.get(instance.base_url.join("/_session"), headers=cookie, trust_env=False, timeout=30).json()
        assert told["userCtx"]["name"] == name


def test_a_sequence_counts_from_the_start_at_another_instance(instances: list[httpx.Client]) -> None:
    """So a feed that goes on elsewhere misses nothing, and tells again what it told."""
    one, other = instances
    for number in range(5):
        assert one.put(f"/test/doc{number}", json={}).status_code == 201
    ids = {f"doc{number}" for number in range(5)}
    wait_until("all documents to be on the other", lambda: ids <= told_since(other, "0"))
    last = one.get("/test/_changes").json()["last_seq"]
    assert told_since(one, last) == set()
    assert ids <= told_since(other, last)


def told_since(couch: httpx.Client, since: str) -> set[str]:
    return {row["id"] for row in couch.get("/test/_changes", params={"since": since}).json()["results"]}


def test_a_revision_that_is_not_there_yet_is_a_conflict(instances: list[httpx.Client]) -> None:
    """In a database that nothing replicates, so that it comes when the test brings it."""
    one, other = instances
    for couch in instances:
        assert couch.put("/apart").status_code == 201
    revision = one.put("/apart/doc", json={}).json()["rev"]
    assert other.put("/apart/doc", params={"rev": revision}, json={"n": 1}).status_code == 409
    document = one.get("/apart/doc", params={"revs": "true"}).json()
    brought = other.post("/apart/_bulk_docs", json={"docs": [document], "new_edits": False})
    assert brought.status_code == 201, brought.text
    assert other.put("/apart/doc", params={"rev": revision}, json={"n": 1}).status_code == 201
