"""One instance as its CouchDB answers just now: four requests, and one more for each `_security` that is asked for.

And one more while a replication has told nothing yet (decision 15).
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from worker.core.observed import Down, Instance, Node, Unknown
from worker.couch.client import Talk
from worker.couch.documents import FIRST_ID, LAST_ID, database_path
from worker.couch.errors import Away, Refused, Unclear
from worker.couch.fence import read_config
from worker.couch.fence_config import Config, other_admins, read_fence, value
from worker.couch.reports import is_silent, read_fills, read_replications, without_unopened

MOST_ROWS = 10_000
"""More scheduler rows than an instance can have use for: its answer is cut to 25 rows unless a limit is given."""


def look(talk: Talk, siblings: Sequence[Instance], security: Collection[str]) -> Node | Down | Unknown:
    """Never raises for an instance that is away or strange. `security`: the databases whose `_security` is read."""
    try:
        return _read_node(talk, siblings, security)
    except Away as away:
        return Down(away.message)
    except (Unclear, Refused) as unclear:
        return Unknown(unclear.message)
    except (LookupError, TypeError, AttributeError) as error:
        return Unknown(f"{talk.instance.name} gave an answer of an unknown form ({type(error).__name__})")


def _read_node(talk: Talk, siblings: Sequence[Instance], security: Collection[str]) -> Node:
    config = read_config(talk)
    databases: list[str] = talk.get("/_all_dbs").body
    documents = _read_documents(talk) if "_replicator" in databases else []
    rows = read_rows(talk) if documents else {}
    if any(map(is_silent, rows.values())):
        rows = without_unopened(rows, _read_opened(talk))
    asked = sorted(set(security) & set(databases))
    return Node(
        uuid=_uuid(talk, config),
        databases=tuple(sorted(databases)),
        security={database: read_security(talk, database) for database in asked},
        replications=read_replications(documents, rows, talk.instance, siblings, talk.credentials),
        fills=read_fills(documents, rows, talk.instance, siblings, talk.credentials),
        fence=read_fence(config, talk.credentials),
        admins=other_admins(config, talk.credentials) if "admins" in config else None,
    )


def _uuid(talk: Talk, config: Config) -> str:
    """Of the data: the configured one, which CouchDB also writes there itself if none was set."""
    found: str = value(config, "couchdb", "uuid") or talk.get("/").body["uuid"]
    return found


def _read_documents(talk: Talk) -> list[Mapping[str, Any]]:
    span = {"startkey": json.dumps(FIRST_ID), "endkey": json.dumps(LAST_ID), "include_docs": "true"}
    answer = talk.get("/_replicator/_all_docs", params=span, accept=(200, 404))
    if answer.status == 404:
        return []
    return [row["doc"] for row in answer.body["rows"] if row.get("doc")]


def read_rows(talk: Talk) -> dict[str, Mapping[str, Any]]:
    """What the scheduler says of each document of `_replicator`, by id."""
    rows = talk.get("/_scheduler/docs/_replicator", params={"limit": str(MOST_ROWS)}).body["docs"]
    return {row["doc_id"]: row for row in rows}


def _read_opened(talk: Talk) -> set[str]:
    """The documents whose replications have reached both of their ends."""
    return {task["doc_id"] for task in talk.get("/_active_tasks").body if task.get("doc_id")}


def read_security(talk: Talk, database: str) -> str:
    """`_security` as canonical JSON, so that equal rights are equal texts."""
    body = talk.get(f"/{database_path(database)}/_security").body
    return json.dumps(body, sort_keys=True, separators=(",", ":"))
