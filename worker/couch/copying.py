"""Copies the users' own documents of `_replicator` from a leaver to a survivor: it is not replicated (hazards H15)."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from worker.couch import replicator
from worker.couch.client import Talk
from worker.couch.documents import DRAIN, RING, Document

PAGE = 200
"""Documents at once."""

Documents = dict[str, Mapping[str, Any]]


def copy_user_replications(leaver: Talk, survivor: Talk, page: int = PAGE) -> tuple[str, ...]:
    """Those the survivor lacks are written there as they are, but for their revision. The ids it has with another body.

    What CouchDB writes into a document itself counts as part of it, so one that is completed does not run again. A page
    at a time; a call that is cut short is begun anew, and finds what it has copied already.
    """
    clashes = [doc_id for mine in _read_pages(leaver, page) for doc_id in _copy(mine, survivor)]
    return tuple(sorted(clashes))


def _copy(mine: Documents, survivor: Talk) -> list[str]:
    replicator.rewrite(survivor, {doc_id: _write_if_missing(document) for doc_id, document in mine.items()})
    theirs = replicator.read(survivor, mine)
    return [doc_id for doc_id in mine if _body(theirs.get(doc_id, {})) != _body(mine[doc_id])]


def _read_pages(talk: Talk, page: int) -> Iterator[Documents]:
    """Each page begins with the last id of the one before, whether that is there still or not."""
    span = {"include_docs": "true", "attachments": "true", "limit": str(page + 1)}
    after: str | None = None
    while True:
        start = {} if after is None else {"startkey": json.dumps(after)}
        answer = talk.get("/_replicator/_all_docs", params=span | start, accept=(200, 404))
        rows = [] if answer.status == 404 else answer.body["rows"]
        yield {
            row["id"]: row["doc"]
            for row in rows
            if row.get("doc") and row["id"] != after and not row["id"].startswith((RING, DRAIN))
        }
        if len(rows) <= page:
            return
        after = rows[-1]["id"]


def _write_if_missing(document: Mapping[str, Any]) -> replicator.Change:
    copied = {key: value for key, value in document.items() if key != "_rev"}

    def change(found: Mapping[str, Any] | None) -> Document | None:
        return None if found is not None else copied

    return change


def _body(document: Mapping[str, Any]) -> Document:
    return {key: value for key, value in document.items() if not key.startswith("_")}
