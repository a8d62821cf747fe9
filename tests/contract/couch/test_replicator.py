"""Replications by document: states, ids, kicks, ends, and what the scheduler tells about them."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.couch.answers import expect
from tests.contract.couch.couch import Couch
from tests.contract.couch.waiting import wait_for
from tests.ports import free_port

REFUSED: dict[str, dict[str, Any]] = {
    "badurl": {"source": "ftp://foo/bar"},
    "localname": {"source": "src0"},
    "localpath_create": {"target": "x8"},
    "nosource": {"source": None},
    "selector_bad": {"selector": 5},
}


@pytest.fixture
def ring(pair: tuple[Couch, Couch], db: str) -> tuple[Couch, Couch, str]:
    """Two servers with one database of the same name, empty."""
    one, other = pair
    assert other.client.put(f"/{db}").status_code == 201
    return one, other, db


def link(one: Couch, other: Couch, db: str, **more: Any) -> dict[str, Any]:
    return {"source": one.endpoint(db), "target": other.endpoint(db), "continuous": True, **more}


def put(couch: Couch, doc_id: str, doc: dict[str, Any]) -> str:
    """Writes a replication document over what is there; its revision."""
    old = couch.client.get(f"/_replicator/{doc_id}")
    rev = {"_rev": old.json()["_rev"]} if old.status_code == 200 else {}
    answer = couch.client.put(f"/_replicator/{doc_id}", json={**doc, **rev})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["rev"])


def wait_for_state(couch: Couch, doc_id: str, state: str) -> dict[str, Any]:
    def look() -> dict[str, Any]:
        seen = couch.state(doc_id)
        return seen if seen.get("state") == state else {}

    try:
        return wait_for(look, f"{doc_id} to be {state}")
    except AssertionError as err:
        raise AssertionError(f"{err}; it is {couch.state(doc_id)}") from err


def wait_for_document(couch: Couch, path: str) -> dict[str, Any]:
    wait_for(lambda: couch.client.get(path).status_code == 200, f"{path} at {couch.base}")
    found: dict[str, Any] = couch.client.get(path).json()
    return found


@pytest.mark.parametrize("name", REFUSED)
def test_a_document_that_says_nothing_useful_is_refused(couch: Couch, name: str) -> None:
    doc = {"source": couch.endpoint("x"), "target": couch.endpoint("y"), "continuous": True, **REFUSED[name]}
    doc = {key: value for key, value in doc.items() if value is not None}
    expect(couch.client.put(f"/_replicator/contract:{name}", json=doc), f"replicator_put_{name}")
    expect(couch.client.get(f"/_replicator/contract:{name}"), f"replicator_doc_{name}_12s")
    expect(couch.client.get(f"/_scheduler/docs/_replicator/contract:{name}"), f"state_{name}_12s")


def test_a_continuous_replication_carries_all_there_is_and_comes(
    ring: tuple[Couch, Couch, str], new_replication: Callable[[], str]
) -> None:
    one, other, db = ring
    one.client.put(f"/{db}/before", json={"n": 1})
    doc_id = new_replication()
    put(one, doc_id, link(one, other, db))
    wait_for_document(other, f"/{db}/before")
    rev = one.client.put(f"/{db}/after", json={"n": 2}).json()["rev"]
    assert wait_for_document(other, f"/{db}/after")["_rev"] == rev
    rev = one.client.delete(f"/{db}/after", params={"rev": rev}).json()["rev"]
    wait_for(lambda: other.client.get(f"/{db}/after").status_code == 404, "the deletion to arrive")
    assert other.client.post(f"/{db}/_revs_diff", json={"after": [rev]}).json() == {}


def test_attachments_and_conflicts_are_carried(
    ring: tuple[Couch, Couch, str], new_replication: Callable[[], str]
) -> None:
    one, other, db = ring
    one.client.put(f"/{db}/att/a.txt", content=b"hello", headers={"content-type": "text/plain"})
    docs = [{"_id": "c", "_rev": f"1-{digit * 32}"} for digit in "ab"]
    one.client.post(f"/{db}/_bulk_docs", json={"new_edits": False, "docs": docs})
    put(one, new_replication(), link(one, other, db))
    wait_for_document(other, f"/{db}/att")
    assert other.client.get(f"/{db}/att/a.txt").content == b"hello"
    found = wait_for_document(other, f"/{db}/c?conflicts=true")
    assert {found["_rev"], *found["_conflicts"]} == {doc["_rev"] for doc in docs}


def test_the_scheduler_tells_how_far_a_replication_is(
    ring: tuple[Couch, Couch, str], new_replication: Callable[[], str]
) -> None:
    one, other, db = ring
    doc_id = new_replication()
    put(one, doc_id, link(one, other, db, create_target=True))
    one.client.put(f"/{db}/doc", json={"n": 1})
    wait_for(lambda: (one.state(doc_id).get("info") or {}).get("docs_written") == 1, "docs_written to be 1")
    told = expect(one.client.get(f"/_scheduler/docs/_replicator/{doc_id}"), "scheduler_doc_one_running")
    assert (told["state"], told["source"]) == ("running", f"{one.base}/{db}/")
    assert told["id"].endswith("+continuous+create_target")
    assert told["info"]["doc_write_failures"] == 0
    through = told["info"]["through_seq"]
    asked = {"since": through, "limit": 0}
    assert one.client.get(f"/{db}/_changes", params=asked).json()["pending"] == 0
    jobs = expect(one.client.get("/_scheduler/jobs"), "scheduler_jobs_running")["jobs"]
    assert doc_id in {job["doc_id"] for job in jobs}
    tasks = one.client.get("/_active_tasks").json()
    assert {task["type"] for task in tasks if task.get("doc_id") == doc_id} == {"replication"}


def test_one_that_waits_for_its_target_is_called_running_and_is_no_active_task(
    ring: tuple[Couch, Couch, str], new_replication: Callable[[], str]
) -> None:
    one, other, db = ring
    doc_id = new_replication()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        mute.settimeout(30)
        document = link(one, other, db)
        document["target"] = {**document["target"], "url": f"http://127.0.0.1:{mute.getsockname()[1]}/{db}"}
        put(one, doc_id, document)
        connection, _ = mute.accept()
        with connection:
            assert one.state(doc_id)["state"] == "running"
            tasks = one.client.get("/_active_tasks").json()
            assert doc_id not in {task.get("doc_id") for task in tasks}


def test_the_scheduler_lists_by_state(ring: tuple[Couch, Couch, str], new_replication: Callable[[], str]) -> None:
    one, other, db = ring
    doc_id = new_replication()
    put(one, doc_id, link(one, other, db))
    wait_for_state(one, doc_id, "running")

    def listed(states: str) -> bool:
        docs = one.client.get("/_scheduler/docs", params={"states": states, "limit": 1000}).json()["docs"]
        return doc_id in {doc["doc_id"] for doc in docs}

    assert listed("running,pending")
    assert not listed("crashing,failed")


def test_the_document_keeps_what_was_written_and_its_owner(
    ring: tuple[Couch, Couch, str], new_replication: Callable[[], str]
) -> None:
    one, other, db = ring
    doc_id = new_replication()
    rev = put(one, doc_id, link(one, other, db, create_target=True))
    wait_for_state(one, doc_id, "running")
    doc = expect(one.client.get(f"/_replicator/{doc_id}"), "replicator_doc_get_running")
    assert (doc["_rev"], doc["owner"]) == (rev, one.admin)


def test_many_documents_are_written_at_once(
    ring: tuple[Couch, Couch, str], new_replication: Callable[[], str], new_name: Callable[[], str]
) -> None:
    one, other, _ = ring
    docs = []
    for _ in range(3):
        name = new_name()
        one.client.put(f"/{name}")
        one.client.put(f"/{name}/doc", json={})
        docs.append({"_id": new_replication(), **link(one, other, name, create_target=True)})
    expect(one.client.post("/_replicator/_bulk_docs", json={"docs": docs}), "replicator_bulk_docs")
    for doc in docs:
        wait_for_document(other, doc["source"]["url"].removeprefix(one.base) + "/doc")


def test_deleting_the_document_ends_the_replication(
    ring: tuple[Couch, Couch, str], new_replication: Callable[[], str], new_name: Callable[[], str]
) -> None:
    one, other, db = ring
    doc_id = new_replication()
    rev = put(one, doc_id, link(one, other, db))
    wait_for_state(one, doc_id, "running")
    one.client.delete(f"/_replicator/{doc_id}", params={"rev": rev})
    wait_for(lambda: not one.state(doc_id), "the scheduler to forget the document")
    one.client.put(f"/{db}/later", json={})
    # What another replication of the same database has carried, this one would have too.
    asked = {"source": one.endpoint(db), "target": other.endpoint(new_name()), "create_target": True}
    assert one.client.post("/_replicate", json=asked).json()["history"][0]["docs_written"] == 1
    assert other.client.get(f"/{db}/later").status_code == 404


@pytest.mark.parametrize("name", ["down", "wrongpw", "missing_source", "missing_target", "oneshot_missing"])
def test_what_cannot_work_now_is_crashing_and_says_why(
    ring: tuple[Couch, Couch, str], new_replication: Callable[[], str], new_name: Callable[[], str], name: str
) -> None:
    one, other, db = ring
    docs = {
        "down": lambda: link(one, other, db, target={**other.endpoint(db), "url": f"http://127.0.0.1:{free_port()}/x"}),
        "wrongpw": lambda: link(one, other, db, target=wrong_password(other.endpoint(db))),
        "missing_source": lambda: link(one, other, db, source=one.endpoint(new_name())),
        "missing_target": lambda: link(one, other, db, target=other.endpoint(new_name())),
        "oneshot_missing": lambda: link(one, other, db, source=one.endpoint(new_name()), continuous=False),
    }
    doc_id = new_replication()
    put(one, doc_id, docs[name]())
    wait_for_state(one, doc_id, "crashing")
    told = expect(one.client.get(f"/_scheduler/docs/_replicator/{doc_id}"), f"state_{name}_12s")
    assert told["error_count"] >= 1
    words = {"down": "econnrefused", "wrongpw": "session_request_unauthorized"}.get(name, "db_not_found")
    assert words in told["info"]["error"]
    assert "_replication_state" not in one.client.get(f"/_replicator/{doc_id}").json()


def wrong_password(endpoint: dict[str, Any]) -> dict[str, Any]:
    """The endpoint with a name that nobody has, so that no account is locked."""
    return {**endpoint, "auth": {"basic": {"username": "contract-nobody", "password": "bad"}}}


def test_a_filter_that_is_not_there_is_an_error(
    ring: tuple[Couch, Couch, str], new_replication: Callable[[], str]
) -> None:
    one, other, db = ring
    doc_id = new_replication()
    put(one, doc_id, link(one, other, db, filter="nod/nof"))
    wait_for_state(one, doc_id, "error")
    expect(one.client.get(f"/_scheduler/docs/_replicator/{doc_id}"), "state_badfilter_12s")


def test_a_second_document_for_a_link_fails_for_good(
    ring: tuple[Couch, Couch, str], new_replication: Callable[[], str]
) -> None:
    one, other, db = ring
    first, second = new_replication(), new_replication()
    put(one, first, link(one, other, db))
    job = wait_for_state(one, first, "running")["id"]
    put(one, second, link(one, other, db))
    wait_for_state(one, second, "failed")
    reason = (
        f"Replication `{job}` specified by document `{second}` already started, "
        f"triggered by document `{first}` from db `_replicator`"
    )
    told = expect(one.client.get(f"/_scheduler/docs/_replicator/{second}"), "state_dup_of_src2_12s")
    assert told["info"]["error"] == reason
    doc = wait_for_document(one, f"/_replicator/{second}")
    assert (doc["_replication_state"], doc["_replication_state_reason"]) == ("failed", reason)


def test_a_header_on_the_source_gives_an_id_of_its_own(
    ring: tuple[Couch, Couch, str], new_replication: Callable[[], str]
) -> None:
    one, other, db = ring
    plain, marked = new_replication(), new_replication()
    put(one, plain, link(one, other, db))
    put(one, marked, link(one, other, db, source=one.endpoint(db, headers={"X-Kanto": "ring"})))
    ids = {wait_for_state(one, doc_id, "running")["id"] for doc_id in (plain, marked)}
    assert len(ids) == 2


def test_credentials_may_be_in_a_header_or_in_the_url(
    ring: tuple[Couch, Couch, str], new_replication: Callable[[], str]
) -> None:
    one, other, db = ring
    one.client.put(f"/{db}/doc", json={})
    in_url = f"{other.base}/{db}".replace("://", f"://{other.admin}:{other.password}@")
    doc_id = new_replication()
    put(one, doc_id, link(one, other, db, target=in_url))
    told = wait_for_state(one, doc_id, "running")
    assert told["target"] == f"{other.base}/{db}/"
    wait_for_document(other, f"/{db}/doc")


def test_a_changed_option_restarts_at_once_and_keeps_the_id(
    ring: tuple[Couch, Couch, str], new_replication: Callable[[], str], new_name: Callable[[], str]
) -> None:
    one, other, db = ring
    target = new_name()
    doc = link(one, other, db, target=other.endpoint(target))
    doc_id = new_replication()
    put(one, doc_id, doc)
    crashed = wait_for_state(one, doc_id, "crashing")
    other.client.put(f"/{target}")
    # The same again, and a field that means nothing, leave it in its back-off of 30 s.
    put(one, doc_id, doc)
    put(one, doc_id, {**doc, "note": "none of the replicator's business"})
    # A write that the replicator has read, when a later document of it has come through.
    marker = new_replication()
    put(one, marker, link(one, other, db, continuous=False))
    wait_for_state(one, marker, "completed")
    assert one.state(doc_id)["state"] == "crashing"
    put(one, doc_id, {**doc, "worker_batch_size": 501})
    assert wait_for_state(one, doc_id, "running")["id"] == crashed["id"]
    assert one.state(doc_id)["error_count"] == 0


def test_a_one_shot_document_ends_as_completed(
    ring: tuple[Couch, Couch, str], new_replication: Callable[[], str]
) -> None:
    one, other, db = ring
    one.client.post(f"/{db}/_bulk_docs", json={"docs": [{"_id": f"d{n}"} for n in range(25)]})
    doc_id = new_replication()
    # As a drain runs: on the receiving side, with a header of its own.
    drain = {"source": one.endpoint(db, headers={"X-Kanto": "drain"}), "target": other.endpoint(db)}
    put(other, doc_id, drain)
    wait_for_state(other, doc_id, "completed")
    told = expect(other.client.get(f"/_scheduler/docs/_replicator/{doc_id}"), "scheduler_doc_completed")
    assert (told["info"]["docs_written"], told["info"]["doc_write_failures"]) == (25, 0)
    wait_for(
        lambda: other.client.get(f"/_replicator/{doc_id}").json().get("_replication_state") == "completed",
        "the end to be written back",
    )
    expect(other.client.get(f"/_replicator/{doc_id}"), "replicator_doc_completed")
    leaves = one.client.get(f"/{db}/_changes", params={"style": "all_docs"}).json()["results"]
    asked = {row["id"]: [change["rev"] for change in row["changes"]] for row in leaves}
    assert other.client.post(f"/{db}/_revs_diff", json=asked).json() == {}


def test_a_completed_document_runs_again_when_written_anew(
    ring: tuple[Couch, Couch, str], new_replication: Callable[[], str]
) -> None:
    one, other, db = ring
    doc_id = new_replication()
    once = link(one, other, db, continuous=False)
    put(one, doc_id, once)
    wait_for_state(one, doc_id, "completed")
    wait_for(
        lambda: "_replication_state" in one.client.get(f"/_replicator/{doc_id}").json(), "the end to be written back"
    )
    one.client.put(f"/{db}/new", json={})
    put(one, doc_id, once)
    wait_for_document(other, f"/{db}/new")


def test_users_are_drained_by_a_one_shot_document(
    pair: tuple[Couch, Couch], new_user: Callable[..., tuple[str, str]], new_replication: Callable[[], str]
) -> None:
    one, other = pair
    name, password = new_user()
    doc_id = new_replication()
    drain = {"source": one.endpoint("_users", headers={"X-Kanto": "drain"}), "target": other.endpoint("_users")}
    put(other, doc_id, drain)
    wait_for_state(other, doc_id, "completed")
    with other.as_user(name, password) as user:
        assert user.get("/_session").status_code == 200
    path = f"/_users/org.couchdb.user:{name}"
    rev = other.client.get(path).json()["_rev"]
    assert other.client.delete(path, params={"rev": rev}).status_code == 200


def test_a_refused_document_is_counted_and_skipped(
    ring: tuple[Couch, Couch, str], new_replication: Callable[[], str]
) -> None:
    one, other, db = ring
    function = "function (doc) { if (doc.bad) { throw({forbidden: 'no bad ones'}) } }"
    other.client.put(f"/{db}/_design/v", json={"validate_doc_update": function})
    one.client.post(f"/{db}/_bulk_docs", json={"docs": [{"_id": "bad", "bad": True}, {"_id": "good"}]})
    doc_id = new_replication()
    put(one, doc_id, link(one, other, db, continuous=False))
    told = wait_for_state(one, doc_id, "completed")
    assert (told["info"]["docs_written"], told["info"]["doc_write_failures"]) == (1, 1)
    assert other.client.get(f"/{db}/bad").status_code == 404
    wait_for_document(other, f"/{db}/good")


def test_replicate_at_once_copies_and_then_finds_nothing(
    pair: tuple[Couch, Couch], db: str, new_name: Callable[[], str]
) -> None:
    one, other = pair
    one.client.post(f"/{db}/_bulk_docs", json={"docs": [{"_id": f"d{n}"} for n in range(25)]})
    asked = {"source": one.endpoint(db), "target": other.endpoint(new_name()), "create_target": True}
    done = expect(one.client.post("/_replicate", json=asked), "replicate_oneshot_10k")
    assert (done["history"][0]["docs_written"], done["history"][0]["doc_write_failures"]) == (25, 0)
    again = expect(one.client.post("/_replicate", json=asked), "replicate_oneshot_nochange")
    assert again["no_changes"] is True


def test_replicate_is_for_those_who_are_logged_in(couch: Couch, db: str) -> None:
    with couch.as_nobody() as nobody:
        asked = {"source": couch.endpoint(db), "target": couch.endpoint(db)}
        assert nobody.post("/_replicate", json=asked).status_code == 401
