"""What CouchDB says of kanto's replication documents, as values: each document joined with its scheduler row. Pure."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, get_args

from common.view import ReplicationState
from worker.core.observed import Fill, Instance, Replication
from worker.couch.documents import (
    build_fill,
    build_replication,
    has_ended,
    is_sound,
    parse_fill_id,
    parse_replication_id,
)
from worker.ports import Credentials

Row = Mapping[str, Any]

STATES: Mapping[str, ReplicationState] = {state: state for state in get_args(ReplicationState)}
LONGEST = 200

PLAIN = (
    (re.compile(r"econnrefused"), "connection refused"),
    (re.compile(r"nxdomain"), "host name not found"),
    (re.compile(r"unauthorized"), "login refused"),
    (re.compile(r"session_request_failed.*forbidden|\bforbidden\b"), "access refused"),
    (re.compile(r"timeout|etimedout"), "timed out"),
    (re.compile(r"sel_conn_closed|connection_closed|econnreset|closed"), "connection cut"),
    (re.compile(r"db_not_found"), "no such database"),
    (re.compile(r"checkpoint_commit_failure"), "the checkpoint could not be written"),
    (re.compile(r"session_request_failed|replication_auth_error"), "the login was not answered as by a CouchDB"),
)
_URL = re.compile(r"https?://[^\s\"'`}>,]+")
_USERINFO = re.compile(r"//[^/@\s]*@")
_RIVAL = re.compile(r"already started, triggered by document `([^`]*)`")


def read_replications(
    documents: Iterable[Row],
    rows: Mapping[str, Row],
    instance: Instance,
    siblings: Iterable[Instance],
    credentials: Credentials,
) -> tuple[Replication, ...]:
    """kanto's continuous documents on `instance`. One whose target is no sibling cannot be sound."""
    by_name = {sibling.name: sibling for sibling in siblings}
    found = []
    for document in documents:
        parsed = parse_replication_id(document["_id"])
        if parsed is None:
            continue
        database, name = parsed
        target = by_name.get(name)
        wanted = None if target is None else build_replication(database, instance, target, credentials)
        row = rows.get(document["_id"], {})
        info = info_of(row)
        found.append(
            Replication(
                database=database,
                target=name,
                is_sound=wanted is not None and is_sound(document, wanted),
                state=state_of(document, row),
                pending=number(info, "changes_pending"),
                refused=number(info, "doc_write_failures"),
                progress=progress_of(info),
                error=error_of(document, row, credentials),
                through=str(info.get("through_seq") or ""),
            )
        )
    return tuple(sorted(found, key=lambda replication: (replication.database, replication.target)))


def read_fills(
    documents: Iterable[Row],
    rows: Mapping[str, Row],
    instance: Instance,
    siblings: Iterable[Instance],
    credentials: Credentials,
) -> tuple[Fill, ...]:
    """kanto's one-shot documents on `instance`.

    One that is not what kanto would write now counts as failed, whatever its state: what it brought may have come from
    elsewhere.
    """
    by_name = {sibling.name: sibling for sibling in siblings}
    found = []
    for document in documents:
        parsed = parse_fill_id(document["_id"])
        if parsed is None:
            continue
        database, name = parsed
        source = by_name.get(name)
        is_ours = source is not None and any(
            is_sound(document, build_fill(database, source, instance, credentials, again=again))
            for again in (False, True)
        )
        row = rows.get(document["_id"], {})
        stats = document.get("_replication_stats")
        told = stats if isinstance(stats, Mapping) else info_of(row)
        found.append(
            Fill(
                database=database,
                source=name,
                state=state_of(document, row) if is_ours else "failed",
                refused=number(told, "doc_write_failures"),
                written=number(told, "docs_written"),
                error=error_of(document, row, credentials) if is_ours else "the document was altered",
            )
        )
    return tuple(sorted(found, key=lambda fill: (fill.database, fill.source)))


def is_silent(row: Row) -> bool:
    """Whether it is called running, and no run of it has told anything yet."""
    return row.get("state") == "running" and not info_of(row)


def without_unopened(rows: Mapping[str, Row], opened: Collection[str]) -> dict[str, Row]:
    """The scheduler's rows, but what is called running before it has reached both ends is initializing.

    CouchDB's scheduler says `running` from the moment at which it begins a replication; an active task it is once it
    has opened both databases and read its checkpoints (2.1 to 3.5: couch_replicator_scheduler_job, `do_init`). One that
    has told something has been there, in this run or in one before.
    """
    return {
        doc_id: {**row, "state": "initializing"} if is_silent(row) and doc_id not in opened else row
        for doc_id, row in rows.items()
    }


def state_of(document: Row, row: Row) -> ReplicationState:
    """A final state is the document's to tell, else the scheduler's; a document it does not know yet is starting."""
    if has_ended(document):
        return STATES[document["_replication_state"]]
    return STATES.get(row.get("state", "initializing"), "unknown")


def info_of(row: Row) -> Mapping[str, Any]:
    info = row.get("info")
    return info if isinstance(info, dict) else {}


def number(info: Mapping[str, Any], key: str) -> int | None:
    value = info.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def progress_of(info: Mapping[str, Any]) -> str:
    """A mark that changes when a change passes. `through_seq` is opaque: it is only ever compared for equality."""
    counters = (info.get(key) for key in ("through_seq", "revisions_checked", "docs_written"))
    return " ".join(str(counter) for counter in counters if counter is not None)


def error_of(document: Row, row: Row, credentials: Credentials) -> str:
    reason = document.get("_replication_state_reason") if document.get("_replication_state") == "failed" else None
    raw = reason or info_of(row).get("error")
    return plain(str(raw), credentials) if raw else ""


def plain(raw: str, credentials: Credentials) -> str:
    """An error of the replicator in a few plain words, naming the address it met, and never a password."""
    text = _USERINFO.sub("//", " ".join(raw.split())).replace(credentials.password, "(hidden)")
    rival = _RIVAL.search(text)
    if rival:
        return f"the document {rival.group(1)} replicates the same already"
    url = _URL.search(text)
    for pattern, words in PLAIN:
        if pattern.search(text):
            return f"{words} ({url.group(0)})" if url else words
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."
