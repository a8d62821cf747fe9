from typing import Any

import pytest

from worker.core.observed import Fill, Instance, Replication
from worker.couch.documents import build_fill, build_replication
from worker.couch.reports import plain, read_fills, read_replications
from worker.ports import Credentials

LOGIN = Credentials("kanto", "s3cret-pw")
X, Y = (Instance(n, n, f"http://{n}:5984", f"http://{n}:5984", "running", serving=True) for n in ("x", "y"))

RUNNING = {
    "doc_id": "kanto:one:y",
    "state": "running",
    "info": {
        "revisions_checked": 7,
        "missing_revisions_found": 1,
        "docs_read": 1,
        "docs_written": 1,
        "changes_pending": 3,
        "doc_write_failures": 2,
        "source_seq": "7-abc",
        "through_seq": "7-abc",
    },
    "error_count": 0,
}


def replication(row: dict[str, Any] | None, **more: Any) -> Replication:
    document = {**build_replication("one", X, Y, LOGIN), **more}
    rows = {} if row is None else {document["_id"]: row}
    (found,) = read_replications([document], rows, X, [X, Y], LOGIN)
    return found


def fill(row: dict[str, Any] | None, **more: Any) -> Fill:
    document = {**build_fill("one", X, Y, LOGIN), **more}
    rows = {} if row is None else {document["_id"]: row}
    (found,) = read_fills([document], rows, Y, [X, Y], LOGIN)
    return found


def test_a_running_replication_tells_what_waits_and_what_was_refused() -> None:
    found = replication(RUNNING)
    assert (found.database, found.target, found.is_sound, found.state) == ("one", "y", True, "running")
    assert (found.pending, found.refused, found.error) == (3, 2, "")


def test_what_is_not_known_is_none_and_never_zero() -> None:
    found = replication({**RUNNING, "info": {"changes_pending": None}})
    assert (found.pending, found.refused, found.progress) == (None, None, "")


def test_a_document_the_scheduler_does_not_know_yet_is_initializing() -> None:
    assert replication(None).state == "initializing"


def test_a_row_without_info_is_read() -> None:
    assert replication({"state": "pending", "info": None}).state == "pending"


def test_a_state_of_a_later_couchdb_is_unknown() -> None:
    assert replication({"state": "dreaming"}).state == "unknown"


@pytest.mark.parametrize("mark", [{"through_seq": "8-x"}, {"revisions_checked": 8}, {"docs_written": 2}])
def test_progress_moves_with_each_of_its_marks(mark: dict[str, Any]) -> None:
    moved = {**RUNNING, "info": {**RUNNING["info"], **mark}}  # type: ignore[dict-item]
    assert replication(moved).progress != replication(RUNNING).progress


def test_failed_comes_from_the_document_whatever_the_scheduler_says() -> None:
    found = replication(RUNNING, _replication_state="failed", _replication_state_reason="enough")
    assert (found.state, found.error) == ("failed", "enough")


def test_a_transient_state_in_the_document_is_not_believed() -> None:
    assert replication(RUNNING, _replication_state="triggered").state == "running"


def test_documents_that_are_not_kantos_are_left_out() -> None:
    documents = [{"_id": "mine"}, {"_id": "kanto:odd"}, {"_id": "kanto-drain:one:x"}]
    assert read_replications(documents, {}, X, [X, Y], LOGIN) == ()


def test_a_fill_that_completed_tells_its_refusals_from_the_document() -> None:
    found = fill(None, _replication_state="completed", _replication_stats={"doc_write_failures": 4})
    assert found == Fill("one", "x", "completed", refused=4)


def test_a_fill_that_is_not_what_kanto_would_write_has_failed() -> None:
    assert fill(None, _replication_state="completed", doc_ids=["a"]).state == "failed"


def test_a_fill_from_an_instance_that_is_gone_has_failed() -> None:
    document = build_fill("one", X, Y, LOGIN)
    (found,) = read_fills([document], {}, Y, [Y], LOGIN)
    assert found.state == "failed"


# Texts as CouchDB 3.5.0 gives them.
@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (
            '{replication_auth_error,\n    {session_request_failed,"http://127.0.0.1:16009/_session","kanto",\n'
            "        {conn_failed,{error,econnrefused}}}}",
            "connection refused (http://127.0.0.1:16009/_session)",
        ),
        (
            '{replication_auth_error,\n    {session_request_unauthorized,"http://127.0.0.1:16002/_session","kanto"}}',
            "login refused (http://127.0.0.1:16002/_session)",
        ),
        (
            "db_not_found: could not open http://127.0.0.1:16002/x4/",
            "no such database (http://127.0.0.1:16002/x4/)",
        ),
        (
            "Replication `eff6+continuous` specified by document `b` already started, triggered by document `a` "
            "from db `_replicator`",
            "the document a replicates the same already",
        ),
    ],
)
def test_errors_are_told_in_plain_words(raw: str, words: str) -> None:
    assert plain(raw, LOGIN) == words


def test_an_unknown_error_is_shortened_and_never_holds_a_password() -> None:
    said = plain("odd s3cret-pw http://kanto:s3cret-pw@x:5984/one " + "z" * 1000, LOGIN)
    assert "s3cret-pw" not in said
    assert "kanto:" not in said
    assert len(said) < 250
