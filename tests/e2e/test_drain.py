"""What a scale-down brings to the survivors, of every kind of data: straight writes to an instance that leaves.

The database is in no saved list and no other instance has it, so nothing but the drain can have brought it.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.service import Service, User

TAG = "kinds"
ONLY = "only"
PARTS = "parts"
IMAGE = bytes(range(256)) * 400
"""100 KB that are no text."""

RIGHTS = {"admins": {"names": [], "roles": ["keepers"]}, "members": {"names": [], "roles": ["readers"]}}
OWN = {"source": "http://127.0.0.1:9/a", "target": "http://127.0.0.1:9/b", "continuous": True}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"KANTO_GRACE": "1", "KANTO_DEFAULT_DATABASES": "test"}  # not _users: the drain alone brings those
    made = Service(tmp_path_factory.mktemp("drain") / "home", range(27500, 28000), settings)
    made.start()
    yield made
    made.end()


@pytest.fixture(scope="module")
def user(service: Service) -> User:
    return service.user("dora")


@pytest.fixture(scope="module")
def survivors(user: User) -> list[httpx.Client]:
    """The two that are left of three, once the third had all these and left."""
    made = user.result("create", cluster_tag=TAG, replicas=3)
    *stay, leaver = [user.couch(one["Url"]) for one in made["Instances"]]
    write_everything(leaver)
    for one in stay:
        assert one.get(f"/{ONLY}").status_code == 404
    shrunk = user.result("scale", cluster_tag=TAG, replicas=2)
    assert [one["Name"] for one in shrunk["Instances"]] == [one["Name"] for one in made["Instances"][:2]]
    return stay


def write_everything(couch: httpx.Client) -> None:
    assert couch.put(f"/{ONLY}").status_code == 201
    assert couch.put(f"/{ONLY}/_security", json=RIGHTS).status_code == 200
    put(couch, "plain", {"_id": "plain", "n": 1})
    design = {"_id": "_design/app", "language": "javascript", "views": {"by_n": {"map": "function (d) { emit(d.n) }"}}}
    put(couch, "_design/app", design)
    revision = put(couch, "pictured", {"_id": "pictured", "n": 2})
    answer = couch.put(
        f"/{ONLY}/pictured/image.bin",
        params={"rev": revision},
        content=IMAGE,
        headers={"Content-Type": "application/octet-stream"},
    )
    assert answer.status_code == 201, answer.text
    leaves = [{"_id": "disputed", "_rev": f"2-{letter * 32}", "by": letter} for letter in "abc"]
    leaves[2]["_deleted"] = True  # type: ignore[assignment]
    for leaf in leaves:
        parent = {"start": 2, "ids": [leaf["_rev"].removeprefix("2-"), "f" * 32]}
        answer = couch.post(f"/{ONLY}/_bulk_docs", json={"docs": [{**leaf, "_revisions": parent}], "new_edits": False})
        assert answer.status_code == 201, answer.text
    revision = put(couch, "gone", {"_id": "gone", "n": 3})
    assert couch.delete(f"/{ONLY}/gone", params={"rev": revision}).status_code == 200
    assert couch.put(f"/{ONLY}/_local/mark", json={"_id": "_local/mark"}).status_code == 201
    assert couch.put(f"/{PARTS}", params={"partitioned": "true"}).status_code == 201
    assert couch.put(f"/{PARTS}/one:doc", json={"n": 4}).status_code == 201
    login = {"_id": "org.couchdb.user:ulla", "name": "ulla", "type": "user", "roles": ["readers"], "password": "secret"}
    assert couch.put("/_users/org.couchdb.user:ulla", json=login).status_code == 201
    assert couch.put("/_replicator/mine", json=OWN).status_code == 201


def put(couch: httpx.Client, name: str, document: dict[str, Any]) -> str:
    answer = couch.put(f"/{ONLY}/{name}", json=document)
    assert answer.status_code == 201, answer.text
    revision: str = answer.json()["rev"]
    return revision


def leaves(couch: httpx.Client, name: str) -> dict[str, bool]:
    """The leaf revisions of a document, and whether each is a deletion."""
    answer = couch.get(f"/{ONLY}/{name}", params={"open_revs": "all"}, headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.text
    return {row["ok"]["_rev"]: row["ok"].get("_deleted", False) for row in answer.json()}


def test_documents_and_design_documents_are_on_both(survivors: list[httpx.Client]) -> None:
    for couch in survivors:
        assert couch.get(f"/{ONLY}/plain").json()["n"] == 1
        assert "by_n" in couch.get(f"/{ONLY}/_design/app").json()["views"]


def test_attachments_are_on_both_to_the_byte(survivors: list[httpx.Client]) -> None:
    for couch in survivors:
        answer = couch.get(f"/{ONLY}/pictured/image.bin")
        assert (answer.status_code, answer.content) == (200, IMAGE)
        assert answer.headers["Content-Type"] == "application/octet-stream"


def test_conflicts_are_on_both_with_their_deleted_leaves(survivors: list[httpx.Client]) -> None:
    for couch in survivors:
        expected = {f"2-{'a' * 32}": False, f"2-{'b' * 32}": False, f"2-{'c' * 32}": True}
        assert leaves(couch, "disputed") == expected
        assert couch.get(f"/{ONLY}/disputed", params={"conflicts": "true"}).json()["by"] == "b"


def test_deletions_are_on_both(survivors: list[httpx.Client]) -> None:
    for couch in survivors:
        assert couch.get(f"/{ONLY}/gone").json()["reason"] == "deleted"
        assert list(leaves(couch, "gone").values()) == [True]


def test_the_rights_of_a_database_came_along(survivors: list[httpx.Client]) -> None:
    for couch in survivors:
        assert couch.get(f"/{ONLY}/_security").json() == RIGHTS


def test_a_partitioned_database_is_one_on_both(survivors: list[httpx.Client]) -> None:
    for couch in survivors:
        assert couch.get(f"/{PARTS}").json()["props"] == {"partitioned": True}
        assert couch.get(f"/{PARTS}/one:doc").json()["n"] == 4


def test_a_saved_partitioned_database_is_one_on_all_instances(user: User, survivors: list[httpx.Client]) -> None:
    assert survivors[1].put("/orders", params={"partitioned": "true"}).status_code == 201
    user.result("replicate", cluster_tag=TAG, databases="orders")
    grown = user.result("scale", cluster_tag=TAG, replicas=3)
    infos = [user.couch(one["Url"]).get("/orders").json() for one in grown["Instances"]]
    assert [info["props"] for info in infos] == [{"partitioned": True}] * 3


def test_users_can_log_in_on_both(survivors: list[httpx.Client]) -> None:
    for couch in survivors:
        url = str(couch.base_url).rstrip("/")
        answer = httpx.get(f"{url}/{ONLY}/plain", auth=("ulla", "secret"), trust_env=False)
        assert answer.status_code == 200, answer.text


def test_a_users_own_replication_is_on_one_of_them_as_it_was(survivors: list[httpx.Client]) -> None:
    found = [couch.get("/_replicator/mine") for couch in survivors]
    assert sorted(answer.status_code for answer in found) == [200, 404]
    (kept,) = (answer.json() for answer in found if answer.status_code == 200)
    assert {key: kept[key] for key in OWN} == OWN or kept["source"]["url"] == OWN["source"]
    assert kept["continuous"] is True


def test_local_documents_are_each_instances_own(survivors: list[httpx.Client]) -> None:
    for couch in survivors:
        assert couch.get(f"/{ONLY}/_local/mark").status_code == 404
