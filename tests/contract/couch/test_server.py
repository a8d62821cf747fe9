"""The server as a whole: welcome, health, listings, and what only its admin may see."""

import httpx
import pytest

from tests.contract.couch.answers import expect
from tests.contract.couch.couch import Couch

ADMINS_ONLY = {
    "/_active_tasks": "noauth__active_tasks",
    "/_all_dbs": "noauth__all_dbs",
    "/_membership": "noauth__membership",
    "/_node/_local/_config": "noauth__node__local__config",
    "/_replicator/_all_docs": "noauth__replicator__all_docs",
    "/_scheduler/jobs": "noauth__scheduler_jobs",
}


def test_the_welcome_names_version_and_uuid(couch: Couch) -> None:
    body = expect(couch.client.get("/"), "get_root")
    assert body["couchdb"] == "Welcome"
    assert body["version"].startswith("3.")


def test_anyone_may_read_the_welcome_and_the_health(couch: Couch) -> None:
    with couch.as_nobody() as nobody:
        expect(nobody.get("/"), "get_root_noauth")
        expect(nobody.get("/_up"), "noauth__up")


def test_head_is_get_without_a_body(couch: Couch) -> None:
    answer = couch.client.head("/_up")
    assert (answer.status_code, answer.content) == (200, b"")


def test_each_server_has_a_uuid_of_its_own(pair: tuple[Couch, Couch]) -> None:
    one, other = (couch.client.get("/").json()["uuid"] for couch in pair)
    assert one != other


@pytest.mark.parametrize(("path", "name"), ADMINS_ONLY.items())
def test_a_stranger_is_told_that_he_is_no_server_admin(couch: Couch, path: str, name: str) -> None:
    with couch.as_nobody() as nobody:
        expect(nobody.get(path), name)


def test_the_admin_sees_databases_tasks_and_nodes(couch: Couch) -> None:
    assert {"_replicator", "_users"} <= set(expect(couch.client.get("/_all_dbs"), "all_dbs"))
    expect(couch.client.get("/_dbs_info"), "dbs_info")
    expect(couch.client.get("/_membership"), "membership")
    expect(couch.client.get("/_node/_local"), "node_local")
    assert couch.client.get("/_active_tasks").status_code == 200
    assert expect(couch.client.get("/_cluster_setup"), "cluster_setup")["state"] == "single_node_enabled"


def test_global_changes_is_not_made_by_itself(couch: Couch) -> None:
    expect(couch.client.get("/_global_changes"), "db_info_global_changes")


def test_a_kept_connection_serves_request_after_request(couch: Couch) -> None:
    with httpx.Client(base_url=couch.base, limits=httpx.Limits(max_connections=1), trust_env=False) as one:
        assert [one.get("/_up").status_code for _ in range(5)] == [200] * 5
