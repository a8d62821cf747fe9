"""Writes to an instance's `_replicator`: read the revisions, one `_bulk_docs`, and again for what met a conflict."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from common.errors import TemporaryError
from worker.couch.client import Talk
from worker.couch.documents import DRAIN, Document

ATTEMPTS = 5
"""CouchDB writes final states into these documents itself, so a conflict now and then is normal."""

Change = Callable[[Mapping[str, Any] | None], Document | None]
"""From the document that is there (None: none) to the one to write; None leaves it as it is."""


def rewrite(talk: Talk, changes: Mapping[str, Change]) -> None:
    """Apply each change to the document of its id, all in one `_bulk_docs`; makes `_replicator` if it is missing.

    TemporaryError when conflicts do not end or the instance refuses a document, beside what `Talk` raises.
    """
    left = dict(changes)
    for _ in range(ATTEMPTS):
        if not left:
            return
        found = read(talk, left)
        documents = [
            {**changed, "_id": doc_id, **({"_rev": found[doc_id]["_rev"]} if doc_id in found else {})}
            for doc_id, change in sorted(left.items())
            if (changed := change(found.get(doc_id))) is not None
        ]
        refused = _write(talk, documents)
        left = {doc_id: left[doc_id] for doc_id in refused}
    if left:
        name = next(iter(left))
        raise TemporaryError(
            "replicator_conflict", f"{talk.instance.name}: {name} is written by somebody else all the time"
        )


def read(talk: Talk, doc_ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """The documents that exist, by id. Makes `_replicator` if it is missing."""
    body = {"keys": sorted(doc_ids)}
    if not body["keys"]:
        return {}
    answer = talk.post("/_replicator/_all_docs?include_docs=true", body, accept=(200, 404))
    if answer.status == 404:
        talk.put("/_replicator", accept=(201, 202, 412))
        return {}
    return {row["id"]: row["doc"] for row in answer.body["rows"] if row.get("doc")}


def _write(talk: Talk, documents: Sequence[Document]) -> list[str]:
    """The ids that met a conflict."""
    if not documents:
        return []
    answers = talk.post("/_replicator/_bulk_docs", {"docs": documents}, accept=(201, 202)).body
    for answer in answers:
        if answer.get("error") not in (None, "conflict"):
            raise TemporaryError(
                "replicator_refused",
                f"{talk.instance.name} refused the document {answer.get('id')}: "
                f"{answer['error']}: {answer.get('reason', '')}",
            )
    return [answer["id"] for answer in answers if answer.get("error") == "conflict"]


def fill_ids(talk: Talk) -> list[str]:
    """The ids of kanto's one-shot documents on this instance."""
    span = {"startkey": json.dumps(DRAIN), "endkey": json.dumps(DRAIN + "\ufff0")}
    answer = talk.get("/_replicator/_all_docs", params=span, accept=(200, 404))
    return [] if answer.status == 404 else [row["id"] for row in answer.body["rows"]]


def remove(found: Mapping[str, Any] | None) -> Document | None:
    """The change that deletes what is there."""
    return None if found is None else {"_deleted": True}
