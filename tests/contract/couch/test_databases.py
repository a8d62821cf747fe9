"""Databases: made, told about, secured, deleted."""

from collections.abc import Callable

import pytest

from tests.contract.couch.answers import expect
from tests.contract.couch.couch import Couch
from tests.contract.couch.waiting import wait_for

OPEN: dict[str, dict[str, list[str]]] = {"admins": {"names": [], "roles": []}, "members": {"names": [], "roles": []}}


def test_a_database_is_made_once(couch: Couch, new_name: Callable[[], str]) -> None:
    name = new_name()
    expect(couch.client.put(f"/{name}"), "put_db_201")
    expect(couch.client.put(f"/{name}"), "put_db_412")


def test_a_partitioned_database_says_so_and_takes_ids_of_partitions_alone(
    couch: Couch, new_name: Callable[[], str]
) -> None:
    """Not among the recorded answers: CouchDB's documentation (Partitioned Databases) and chttpd's tests of it."""
    plain, name = new_name(), new_name()
    assert couch.client.put(f"/{plain}", params={"q": 1}).status_code == 201
    assert couch.client.put(f"/{name}", params={"q": 3, "partitioned": "true"}).status_code == 201
    infos = {row["key"]: row["info"] for row in couch.client.post("/_dbs_info", json={"keys": [plain, name]}).json()}
    assert {key: info["props"] for key, info in infos.items()} == {plain: {}, name: {"partitioned": True}}
    assert {key: info["cluster"]["q"] for key, info in infos.items()} == {plain: 1, name: 3}
    refused = couch.client.put(f"/{name}/nowhere", json={})
    assert (refused.status_code, refused.json()["error"]) == (400, "illegal_docid")
    for doc_id in ("part:doc", "_design/rule"):
        assert couch.client.put(f"/{name}/{doc_id}", json={}).status_code == 201


def test_a_bad_name_is_refused(couch: Couch) -> None:
    expect(couch.client.put("/BadName"), "put_db_400")


def test_a_missing_database_is_404(couch: Couch, new_name: Callable[[], str]) -> None:
    missing = f"/{new_name()}"
    expect(couch.client.get(missing), "get_db_404")
    expect(couch.client.get(f"{missing}/doc"), "get_db_404")
    expect(couch.client.delete(missing), "get_db_404")


@pytest.mark.parametrize(("name", "recording"), [("_users", "db_info_users"), ("_replicator", "db_info_replicator")])
def test_the_system_databases_are_there(couch: Couch, name: str, recording: str) -> None:
    expect(couch.client.get(f"/{name}"), recording)


def test_info_counts_documents_and_deleted_ones(couch: Couch, db: str) -> None:
    rev = couch.client.put(f"/{db}/gone", json={}).json()["rev"]
    couch.client.put(f"/{db}/stays", json={})
    couch.client.delete(f"/{db}/gone", params={"rev": rev})
    info = expect(couch.client.get(f"/{db}"), "db_info")
    assert (info["doc_count"], info["doc_del_count"]) == (1, 1)
    assert info["update_seq"].startswith("3-")


def test_a_database_made_again_has_another_start_time(couch: Couch, db: str) -> None:
    first = couch.client.get(f"/{db}").json()["instance_start_time"]

    def made_again() -> bool:
        # Real start times are whole seconds.
        couch.client.delete(f"/{db}")
        assert couch.client.put(f"/{db}").status_code == 201
        return bool(couch.client.get(f"/{db}").json()["instance_start_time"] != first)

    wait_for(made_again, "another instance_start_time")
    assert couch.client.get(f"/{db}").json()["update_seq"].startswith("0-")


def test_a_full_commit_tells_the_start_time(couch: Couch, db: str) -> None:
    body = expect(couch.client.post(f"/{db}/_ensure_full_commit", json={}), "ensure_full_commit")
    assert body["instance_start_time"] == couch.client.get(f"/{db}").json()["instance_start_time"]


def test_a_database_is_its_admins_only_at_first(
    couch: Couch, db: str, new_user: Callable[..., tuple[str, str]]
) -> None:
    assert expect(couch.client.get(f"/{db}/_security"), "db_security_default") == {
        "members": {"roles": ["_admin"]},
        "admins": {"roles": ["_admin"]},
    }
    with couch.as_user(*new_user()) as user:
        expect(user.get(f"/{db}"), "user_403_db")


def test_a_security_object_lets_members_in(couch: Couch, db: str, new_user: Callable[..., tuple[str, str]]) -> None:
    name, password = new_user()
    secured = {"admins": {"names": [], "roles": []}, "members": {"names": [name], "roles": []}}
    expect(couch.client.put(f"/{db}/_security", json=secured), "security_put")
    assert couch.client.get(f"/{db}/_security").json() == secured
    with couch.as_user(name, password) as member, couch.as_nobody() as nobody:
        assert member.put(f"/{db}/doc", json={}).status_code == 201
        assert nobody.get(f"/{db}/doc").status_code == 401


def test_members_change_neither_designs_nor_security(
    couch: Couch, db: str, new_user: Callable[..., tuple[str, str]]
) -> None:
    couch.client.put(f"/{db}/_security", json=OPEN)
    with couch.as_user(*new_user()) as user:
        assert user.put(f"/{db}/_design/d", json={}).status_code == 401
        assert user.put(f"/{db}/_security", json=OPEN).status_code == 401


def test_only_the_admin_makes_databases(
    couch: Couch, new_user: Callable[..., tuple[str, str]], new_name: Callable[[], str]
) -> None:
    with couch.as_user(*new_user()) as user:
        expect(user.put(f"/{new_name()}"), "user_put_db")
        expect(user.get("/_scheduler/docs"), "user_scheduler_docs")
