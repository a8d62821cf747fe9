"""Copies the users' own documents of `_replicator` from a leaver to a survivor: it is not replicated (hazards H15)."""

from collections.abc import Mapping
from typing import Any

from worker.couch import replicator
from worker.couch.client import Talk
from worker.couch.documents import DRAIN, RING, Document


def copy_user_replications(leaver: Talk, survivor: Talk) -> tuple[str, ...]:
    """Those the survivor lacks are written there as they are, but for their revision. The ids it has with another body.

    What CouchDB writes into a document itself counts as part of it, so one that is completed does not run again.
    """
    mine = _read_all(leaver)
    replicator.rewrite(survivor, {doc_id: _write_if_missing(document) for doc_id, document in mine.items()})
    theirs = replicator.read(survivor, mine)
    return tuple(sorted(doc_id for doc_id in mine if _body(theirs.get(doc_id, {})) != _body(mine[doc_id])))


def _read_all(talk: Talk) -> dict[str, Mapping[str, Any]]:
    span = {"include_docs": "true", "attachments": "true"}
    answer = talk.get("/_replicator/_all_docs", params=span, accept=(200, 404))
    rows = [] if answer.status == 404 else answer.body["rows"]
    return {row["id"]: row["doc"] for row in rows if row.get("doc") and not row["id"].startswith((RING, DRAIN))}


def _write_if_missing(document: Mapping[str, Any]) -> replicator.Change:
    copied = {key: value for key, value in document.items() if key != "_rev"}

    def change(found: Mapping[str, Any] | None) -> Document | None:
        return None if found is not None else copied

    return change


def _body(document: Mapping[str, Any]) -> Document:
    return {key: value for key, value in document.items() if not key.startswith("_")}
