"""Documents: one by one, many at once, local ones, attachments, conflicts."""

import httpx
import pytest

from tests.contract.couch.answers import expect
from tests.contract.couch.couch import Couch

LOW, HIGH = "1-" + "1" * 32, "1-" + "f" * 32


def put_conflict(couch: Couch, db: str) -> None:
    """Document `a` with two leaves, of which HIGH wins."""
    docs = [{"_id": "a", "_rev": rev, "n": int(rev == HIGH)} for rev in (LOW, HIGH)]
    expect(couch.client.post(f"/{db}/_bulk_docs", json={"new_edits": False, "docs": docs}), "bulk_docs_new_edits_false")


def test_a_document_is_written_read_and_deleted(couch: Couch, db: str) -> None:
    made = expect(couch.client.put(f"/{db}/doc1", json={"a": 1}), "put_doc_201")
    read = couch.client.get(f"/{db}/doc1")
    assert read.json() == {"_id": "doc1", "_rev": made["rev"], "a": 1}
    assert read.headers["etag"] == f'"{made["rev"]}"'
    gone = expect(couch.client.delete(f"/{db}/doc1", params={"rev": made["rev"]}), "delete_doc_200")
    assert gone["rev"].startswith("2-")
    expect(couch.client.get(f"/{db}/doc1"), "get_doc_404_deleted")
    expect(couch.client.get(f"/{db}/nope"), "get_doc_404")


def test_an_update_needs_the_last_revision(couch: Couch, db: str) -> None:
    rev = couch.client.put(f"/{db}/doc1", json={}).json()["rev"]
    expect(couch.client.put(f"/{db}/doc1", json={"a": 2}), "put_doc_409")
    assert couch.client.delete(f"/{db}/doc1").status_code == 409
    assert couch.client.put(f"/{db}/doc1", json={"_rev": rev, "a": 2}).status_code == 201
    assert couch.client.put(f"/{db}/doc1", json={"_rev": rev, "a": 3}).status_code == 409


def test_a_revision_may_come_in_a_header(couch: Couch, db: str) -> None:
    rev = couch.client.put(f"/{db}/doc1", json={}).json()["rev"]
    assert couch.client.put(f"/{db}/doc1", json={"a": 2}, headers={"If-Match": rev}).status_code == 201


def test_a_body_that_is_no_json_is_refused(couch: Couch, db: str) -> None:
    answer = couch.client.put(f"/{db}/x", content=b"{nope", headers={"content-type": "application/json"})
    expect(answer, "put_doc_400_badjson")


def test_a_body_in_chunks_is_taken(couch: Couch, db: str) -> None:
    parts = iter([b'{"a"', b": 1}"])
    answer = couch.client.put(f"/{db}/chunked", content=parts, headers={"content-type": "application/json"})
    assert answer.status_code == 201
    assert couch.client.get(f"/{db}/chunked").json()["a"] == 1


def test_a_client_may_wait_for_a_continue(couch: Couch, db: str) -> None:
    answer = couch.client.put(f"/{db}/waited", json={"a": 1}, headers={"Expect": "100-continue"})
    assert answer.status_code == 201


@pytest.mark.parametrize("doc_id", ["with space", "a/b", "ünï", "a+b", "a:b", "_design/d"])
def test_ids_are_what_was_written(couch: Couch, db: str, doc_id: str) -> None:
    path = f"/{db}/" + doc_id.replace("/", "%2F").replace(" ", "%20").replace("+", "%2B")
    assert couch.client.put(path, json={}).json()["id"] == doc_id
    assert couch.client.get(path).json()["_id"] == doc_id
    assert [row["id"] for row in couch.client.get(f"/{db}/_changes").json()["results"]] == [doc_id]


def test_the_revisions_of_a_document(couch: Couch, db: str) -> None:
    first = couch.client.put(f"/{db}/a", json={"n": 1}).json()["rev"]
    second = couch.client.put(f"/{db}/a", json={"n": 1, "_rev": first}).json()["rev"]
    body = expect(couch.client.get(f"/{db}/a", params={"revs": "true"}), "doc_revs")
    assert body["_revisions"] == {"start": 2, "ids": [second[2:], first[2:]]}


def test_the_same_edit_gives_the_same_revision_on_every_server(pair: tuple[Couch, Couch], db: str) -> None:
    pair[1].client.put(f"/{db}")
    one, other = (couch.client.put(f"/{db}/x", json={"n": 1}).json()["rev"] for couch in pair)
    assert one == other


def test_a_conflict_is_kept_and_has_one_winner(couch: Couch, db: str) -> None:
    put_conflict(couch, db)
    body = expect(couch.client.get(f"/{db}/a", params={"conflicts": "true"}), "doc_with_conflicts")
    assert (body["_rev"], body["_conflicts"]) == (HIGH, [LOW])
    leaves = couch.client.get(f"/{db}/a", params={"open_revs": "all"}, headers={"Accept": "application/json"})
    assert {row["ok"]["_rev"] for row in expect(leaves, "doc_open_revs_all")} == {LOW, HIGH}


def test_many_documents_are_written_at_once(couch: Couch, db: str) -> None:
    docs = {"docs": [{"_id": "a", "n": 1}, {"_id": "b", "n": 2}]}
    expect(couch.client.post(f"/{db}/_bulk_docs", json=docs), "bulk_docs_201")
    expect(couch.client.post(f"/{db}/_bulk_docs", json={"docs": docs["docs"][:1]}), "bulk_docs_conflict")


def test_all_documents_are_listed_by_id(couch: Couch, db: str) -> None:
    couch.client.post(f"/{db}/_bulk_docs", json={"docs": [{"_id": name, "n": 1} for name in "cab"]})
    body = expect(couch.client.get(f"/{db}/_all_docs", params={"include_docs": "true"}), "all_docs_include")
    assert [row["id"] for row in body["rows"]] == ["a", "b", "c"]
    some = couch.client.get(f"/{db}/_all_docs", params={"startkey": '"b"', "limit": 1}).json()
    assert [row["id"] for row in some["rows"]] == ["b"]
    asked = couch.client.post(f"/{db}/_all_docs", json={"keys": ["c", "none"]}).json()["rows"]
    assert asked[0]["id"] == "c"
    assert asked[1] == {"key": "none", "error": "not_found"}


def test_many_documents_are_read_with_their_leaves(couch: Couch, db: str) -> None:
    put_conflict(couch, db)
    asked = {"docs": [{"id": "a"}, {"id": "missing"}]}
    body = expect(couch.client.post(f"/{db}/_bulk_get?revs=true&latest=true", json=asked), "bulk_get")
    assert {doc["ok"]["_rev"] for doc in body["results"][0]["docs"]} == {LOW, HIGH}
    assert body["results"][1]["docs"][0]["error"]["error"] == "not_found"


def test_revs_diff_names_what_is_missing(couch: Couch, db: str) -> None:
    put_conflict(couch, db)
    far = "9-" + "9" * 32
    body = expect(couch.client.post(f"/{db}/_revs_diff", json={"a": [LOW, far], "nodoc": [LOW]}), "revs_diff")
    assert set(body["a"].pop("possible_ancestors")) == {LOW, HIGH}
    assert body == {"a": {"missing": [far]}, "nodoc": {"missing": [LOW]}}
    assert couch.client.post(f"/{db}/_revs_diff", json={"a": [LOW, HIGH]}).json() == {}


def test_revs_diff_knows_tombstones(couch: Couch, db: str) -> None:
    rev = couch.client.put(f"/{db}/d", json={}).json()["rev"]
    gone = couch.client.delete(f"/{db}/d", params={"rev": rev}).json()["rev"]
    assert couch.client.post(f"/{db}/_revs_diff", json={"d": [gone]}).json() == {}


def test_revs_diff_knows_ancestors_that_were_never_here(couch: Couch, db: str) -> None:
    """As when a later revision came by another way: nothing of the earlier one could be written any more."""
    ids = ["f" * 32, "1" * 32]
    later = {"_id": "a", "_rev": f"2-{ids[0]}", "_revisions": {"start": 2, "ids": ids}}
    couch.client.post(f"/{db}/_bulk_docs", json={"new_edits": False, "docs": [later]})
    assert couch.client.post(f"/{db}/_revs_diff", json={"a": [f"1-{ids[1]}", f"2-{ids[0]}"]}).json() == {}


def test_documents_are_found_by_selector(couch: Couch, db: str) -> None:
    couch.client.post(f"/{db}/_bulk_docs", json={"docs": [{"_id": name, "n": n} for n, name in enumerate("abc")]})
    body = expect(couch.client.post(f"/{db}/_find", json={"selector": {"n": {"$gt": 0}}}), "find")
    assert [doc["_id"] for doc in body["docs"]] == ["b", "c"]


def test_local_documents_are_kept_apart(couch: Couch, db: str) -> None:
    expect(couch.client.get(f"/{db}/_local/none"), "local_404")
    expect(couch.client.put(f"/{db}/_local/x", json={"v": 1}), "local_put")
    body = expect(couch.client.get(f"/{db}/_local/x"), "local_get")
    assert body == {"_id": "_local/x", "_rev": "0-1", "v": 1}
    assert couch.client.get(f"/{db}/_changes").json()["results"] == []
    assert couch.client.get(f"/{db}").json()["doc_count"] == 0


def test_an_attachment_is_kept(couch: Couch, db: str) -> None:
    put = couch.client.put(f"/{db}/att/a.txt", content=b"hello", headers={"content-type": "text/plain"})
    expect(put, "attachment_put")
    stub = expect(couch.client.get(f"/{db}/att"), "attachment_doc")["_attachments"]["a.txt"]
    assert (stub["stub"], stub["revpos"], stub["content_type"]) == (True, 1, "text/plain")
    answer: httpx.Response = couch.client.get(f"/{db}/att/a.txt")
    assert (answer.status_code, answer.content) == (200, b"hello")
    assert answer.headers["content-type"] == "text/plain"


def test_an_attachment_goes_with_its_revision(couch: Couch, db: str) -> None:
    text = {"content-type": "text/plain"}
    rev = couch.client.put(f"/{db}/att/a.txt", content=b"hello", headers=text).json()["rev"]
    assert couch.client.put(f"/{db}/att/b.txt", content=b"x", headers=text).status_code == 409
    gone = couch.client.delete(f"/{db}/att/a.txt", params={"rev": rev})
    assert gone.status_code == 200
    assert "_attachments" not in couch.client.get(f"/{db}/att").json()


def test_a_document_is_copied(couch: Couch, db: str) -> None:
    couch.client.put(f"/{db}/one", json={"n": 1})
    answer = couch.client.request("COPY", f"/{db}/one", headers={"Destination": "two"})
    assert answer.status_code == 201
    assert couch.client.get(f"/{db}/two").json()["n"] == 1


def test_a_validation_function_refuses_documents(couch: Couch, db: str) -> None:
    function = "function (doc) { if (doc.bad) { throw({forbidden: 'no bad ones'}) } }"
    assert couch.client.put(f"/{db}/_design/v", json={"validate_doc_update": function}).status_code == 201
    refused = couch.client.put(f"/{db}/x", json={"bad": True})
    assert (refused.status_code, refused.json()) == (403, {"error": "forbidden", "reason": "no bad ones"})
    rows = couch.client.post(f"/{db}/_bulk_docs", json={"docs": [{"_id": "y", "bad": True}, {"_id": "z"}]}).json()
    assert [row.get("error") for row in rows] == ["forbidden", None]
