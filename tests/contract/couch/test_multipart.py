"""Documents as MIME parts, as CouchDB's own replicator moves attachments and designs.

No recording shows these, so they run on the suite's own stand-ins only.
"""

import email
import email.policy
import gzip
import json
import os
from email.message import EmailMessage, Message
from typing import Any

import httpx
import pytest

from tests.contract.couch.couch import Couch

pytestmark = pytest.mark.skipif("COUCH_URLS" in os.environ, reason="no recording shows multipart answers")

REV = "1-" + "a" * 32
LINE = b"\r\n"


def put_related(couch: Couch, path: str, doc: dict[str, Any], *bodies: bytes) -> httpx.Response:
    """PUT of a document whose attachments follow it."""
    parts = [b"Content-Type: application/json" + LINE * 2 + json.dumps(doc).encode(), *(LINE + body for body in bodies)]
    body = b"".join(b"--mark" + LINE + part + LINE for part in parts) + b"--mark--"
    headers = {"content-type": 'multipart/related; boundary="mark"'}
    return couch.client.put(path, params={"new_edits": "false"}, content=body, headers=headers)


def get_mixed(couch: Couch, path: str, revs: list[str]) -> list[Message]:
    """The parts of a document's revisions."""
    params = {"open_revs": json.dumps(revs), "revs": "true"}
    answer = couch.client.get(path, params=params, headers={"Accept": "multipart/mixed"})
    assert answer.status_code == 200
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    whole = email.message_from_bytes(head + answer.content, EmailMessage, policy=email.policy.HTTP)
    assert whole.is_multipart()
    return list(whole.iter_parts())


def test_attachments_follow_their_document(couch: Couch, db: str) -> None:
    stubs = {
        "a.txt": {"content_type": "text/plain", "follows": True, "length": 6, "revpos": 1},
        "b.bin": {"content_type": "application/octet-stream", "follows": True, "length": 4, "revpos": 1},
    }
    doc = {"_id": "d", "_rev": REV, "_attachments": stubs}
    assert put_related(couch, f"/{db}/d", doc, b"hel\r\no", b"\x00--m").status_code == 201
    assert couch.client.get(f"/{db}/d").json()["_rev"] == REV
    assert couch.client.get(f"/{db}/d/a.txt").content == b"hel\r\no"
    assert couch.client.get(f"/{db}/d/b.bin").content == b"\x00--m"


def test_a_packed_attachment_is_unpacked(couch: Couch, db: str) -> None:
    packed = gzip.compress(b"hello")
    about = {
        "content_type": "text/plain",
        "follows": True,
        "encoding": "gzip",
        "encoded_length": len(packed),
        "length": 5,
    }
    doc = {"_id": "d", "_rev": REV, "_attachments": {"a.txt": about}}
    assert put_related(couch, f"/{db}/d", doc, packed).status_code == 201
    assert couch.client.get(f"/{db}/d/a.txt").content == b"hello"


def test_revisions_come_as_parts(couch: Couch, db: str) -> None:
    rev = couch.client.put(f"/{db}/d/a.txt", content=b"hello", headers={"content-type": "text/plain"}).json()["rev"]
    parts = {part.get_content_type(): part for part in get_mixed(couch, f"/{db}/d", [rev, REV])}
    found, missing = parts["multipart/related"], parts["application/json"]
    doc, attachment = (part.get_payload(decode=True) for part in found.walk() if not part.is_multipart())
    assert isinstance(doc, bytes)
    assert json.loads(doc)["_attachments"]["a.txt"]["follows"] is True
    assert attachment == b"hello"
    assert missing.get_param("error") == "true"


def test_a_document_without_attachments_is_one_part(couch: Couch, db: str) -> None:
    rev = couch.client.put(f"/{db}/_design/d", json={"views": {}}).json()["rev"]
    (part,) = get_mixed(couch, f"/{db}/_design/d", [rev])
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert json.loads(payload)["_rev"] == rev
