"""The users database: hashing on write, and who sees and changes whose document."""

from collections.abc import Callable, Iterator

import pytest

from tests.contract.couch.answers import expect
from tests.contract.couch.couch import Couch
from tests.contract.couch.waiting import wait_for

OPEN: dict[str, dict[str, list[str]]] = {"admins": {"names": [], "roles": []}, "members": {"names": [], "roles": []}}
ADMINS_ONLY = {"members": {"roles": ["_admin"]}, "admins": {"roles": ["_admin"]}}


@pytest.fixture
def open_users(couch: Couch) -> Iterator[None]:
    """Lets users reach their own documents, which the default of 3.x does not."""
    couch.set_config("couchdb", "users_db_security_editable", "true", persist=False)
    assert couch.client.put("/_users/_security", json=OPEN).status_code == 200
    yield
    assert couch.client.put("/_users/_security", json=ADMINS_ONLY).status_code == 200
    couch.set_config("couchdb", "users_db_security_editable", "false", persist=False)


def test_a_password_is_kept_as_key_and_salt(couch: Couch, new_user: Callable[..., tuple[str, str]]) -> None:
    name, _ = new_user()
    doc = expect(couch.client.get(f"/_users/org.couchdb.user:{name}"), "get_user")
    assert (doc["name"], doc["password_scheme"]) == (name, "pbkdf2")
    assert "password" not in doc


def test_a_user_logs_in_with_his_password_only(couch: Couch, new_user: Callable[..., tuple[str, str]]) -> None:
    name, password = new_user(roles=["editor"])
    with couch.as_user(name, password) as user, couch.as_user(name, "wrong") as stranger:
        assert user.get("/_session").json()["userCtx"] == {"name": name, "roles": ["editor"]}
        assert stranger.get("/_session").status_code == 401


def test_a_new_password_counts_and_the_old_one_does_not(couch: Couch, new_user: Callable[..., tuple[str, str]]) -> None:
    name, old = new_user()
    path = f"/_users/org.couchdb.user:{name}"
    with couch.as_user(name, old) as before:
        assert before.get("/_session").status_code == 200
        doc = couch.client.get(path).json()
        assert couch.client.put(path, json={**doc, "password": "another one"}).status_code == 201
        wait_for(lambda: before.get("/_session").status_code == 401, "the old password to be refused")
    with couch.as_user(name, "another one") as after:
        assert after.get("/_session").status_code == 200


@pytest.mark.parametrize(
    "wrong", [{"type": "person"}, {"roles": "all"}, {"name": "other"}, {"roles": ["_admin"]}], ids=str
)
def test_a_document_that_is_no_user_is_refused(couch: Couch, wrong: dict[str, object]) -> None:
    doc = {"name": "contract-u", "password": "pw", "roles": [], "type": "user", **wrong}
    answer = couch.client.put("/_users/org.couchdb.user:contract-u", json=doc)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


def test_users_reach_nothing_of_the_users_database_at_first(
    couch: Couch, new_user: Callable[..., tuple[str, str]]
) -> None:
    name, password = new_user()
    with couch.as_user(name, password) as user:
        assert user.get(f"/_users/org.couchdb.user:{name}").status_code == 403
        for path in ("_all_docs", "_changes"):
            assert user.get(f"/_users/{path}").status_code == 401


def test_its_security_is_not_to_be_changed(couch: Couch) -> None:
    answer = couch.client.put("/_users/_security", json=OPEN)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


@pytest.mark.usefixtures("open_users")
def test_a_user_sees_his_own_document_and_no_other(couch: Couch, new_user: Callable[..., tuple[str, str]]) -> None:
    name, password = new_user()
    other, _ = new_user()
    with couch.as_user(name, password) as user:
        assert user.get(f"/_users/org.couchdb.user:{name}").json()["name"] == name
        assert user.get(f"/_users/org.couchdb.user:{other}").status_code == 404
        assert user.get("/_users/_all_docs").status_code == 401


@pytest.mark.usefixtures("open_users")
def test_a_user_changes_his_password_but_not_his_roles(couch: Couch, new_user: Callable[..., tuple[str, str]]) -> None:
    name, password = new_user()
    path = f"/_users/org.couchdb.user:{name}"
    with couch.as_user(name, password) as user:
        doc = user.get(path).json()
        assert user.put(path, json={**doc, "roles": ["boss"]}).status_code == 403
        assert user.put(path, json={**doc, "password": "new one"}).status_code == 201


def test_a_user_with_a_conflict_cannot_log_in(couch: Couch, new_user: Callable[..., tuple[str, str]]) -> None:
    name, password = new_user()
    path = f"/_users/org.couchdb.user:{name}"
    doc = couch.client.get(path).json()
    other = {**doc, "_rev": "1-" + "0" * 32}
    couch.client.post("/_users/_bulk_docs", json={"new_edits": False, "docs": [other]})
    with couch.as_user(name, password) as user:
        assert user.get("/_session").status_code == 401
        couch.client.delete(path, params={"rev": other["_rev"]})
        wait_for(lambda: user.get("/_session").status_code == 200, "the user to be let in")
