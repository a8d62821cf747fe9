"""One `_security` on all instances: set it through the endpoint, and within an upkeep it is everywhere."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.service import Service, User, wait_until

TAG = "rights"
ANN = {"admins": {"names": [], "roles": []}, "members": {"names": ["ann"], "roles": []}}
BOB = {"admins": {"names": [], "roles": []}, "members": {"names": ["bob"], "roles": []}}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("rights") / "home", range(27000, 27500), {"KANTO_UPKEEP_INTERVAL": "2"})
    made.start()
    yield made
    made.end()


@pytest.fixture(scope="module")
def user(service: Service) -> User:
    return service.user("ruth")


@pytest.fixture(scope="module")
def cluster(user: User) -> dict[str, Any]:
    made: dict[str, Any] = user.result("create", cluster_tag=TAG, replicas=3)
    return made


def instances(user: User) -> list[httpx.Client]:
    return [user.couch(one["Url"]) for one in user.detail(TAG)["Instances"]]


def wait_for_everywhere(user: User, expected: dict[str, Any]) -> None:
    clients = instances(user)
    wait_until(
        "one _security on all instances",
        lambda: all(client.get("/test/_security").json() == expected for client in clients),
    )


def test_what_is_set_through_the_endpoint_is_soon_everywhere(user: User, cluster: dict[str, Any]) -> None:
    assert user.couch(cluster["Endpoint"]).put("/test/_security", json=ANN).status_code == 200
    wait_for_everywhere(user, ANN)


def test_a_new_instance_has_it_before_it_serves(user: User, cluster: dict[str, Any]) -> None:
    assert user.couch(cluster["Endpoint"]).put("/test/_security", json=ANN).status_code == 200
    wait_for_everywhere(user, ANN)
    user.result("scale", cluster_tag=TAG, replicas=5)
    assert [client.get("/test/_security").json() for client in instances(user)] == [ANN] * 5


def test_two_different_changes_are_named_and_a_third_settles_it(user: User, cluster: dict[str, Any]) -> None:
    assert cluster
    wait_until("the cluster to be ready", lambda: user.detail(TAG)["Status"] == "ready")
    first, second, *_ = instances(user)

    # Both within one round of the worker's, which looks at each instance on its own: tried again if it came between.
    def both() -> bool:
        for client, text in ((first, ANN | {"admins": {"names": ["ann"]}}), (second, BOB)):
            assert client.put("/test/_security", json=text).status_code == 200
        return wait_until("a verdict", lambda: verdict(user)) == "disputed"

    assert any(both() for _ in range(5))
    assert second.put("/test/_security", json=ANN).status_code == 200
    assert first.put("/test/_security", json=ANN).status_code == 200
    wait_for_everywhere(user, ANN)
    assert user.ready(TAG)["Reasons"] == []


def verdict(user: User) -> str | None:
    """`disputed` when the worker says so, `agreed` when all instances have one text."""
    detail = user.detail(TAG)
    if "security_disputed" in {reason["code"] for reason in detail["Reasons"]}:
        return "disputed"
    texts = {client.get("/test/_security").text for client in instances(user)}
    return "agreed" if len(texts) == 1 else None
