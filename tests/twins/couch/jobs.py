"""What the replicator of a server in memory knows of one document: where it goes, and how far it is."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote

from common.view import ReplicationState
from worker.couch.documents import Document

_JSON = json.JSONEncoder(sort_keys=True)

NOT_CARRIED = ("filter", "selector", "doc_ids")
"""Options by which a document replicates less than everything: here, nothing of it."""


class End(NamedTuple):
    """One end of a replication: a server's address, a database on it, and the login for it."""

    address: str
    database: str
    name: str
    password: str


@dataclass(frozen=True, slots=True)
class Course:
    """A document as the replicator reads it.

    `link` is what a replication id is made of: both ends, and what is left out. Other options are no part of it.
    `keeps`: it writes checkpoints.
    """

    key: str
    link: str
    source: End
    target: End
    is_continuous: bool
    is_whole: bool
    keeps: bool


@dataclass(slots=True)
class Job:
    """One replication as the scheduler runs it. A document with another body is another job.

    `is_open`: this run has reached both ends. It says `running` for a while before it has, and of what it does it says
    nothing, or what it did in an earlier run, until there is something to say.

    `idle`: the source, if nothing waited there at the last look, which was in the `idle_since`th stir of the world:
    until the next one it moves only when something arrives there.
    """

    document: Document
    course: Course
    state: ReplicationState = "initializing"
    is_open: bool = False
    since: int = 0
    checkpoint: str = ""
    checked: int = 0
    written: int = 0
    refused: int = 0
    pending: int | None = None
    crashes: int = 0
    wait: int = 0
    unanswered: int = 0
    error: str = ""
    idle: "Growing | None" = None
    idle_since: int = 0


class Growing(Protocol):
    """A database, by how many revisions it has."""

    @property
    def last(self) -> int: ...


def read_course(document: Document) -> Course:
    source, target = document["source"], document["target"]
    plain = [
        {"url": end["url"], "headers": end.get("headers")} if isinstance(end, dict) else {"url": end}
        for end in (source, target)
    ]
    left_out = [document.get(option) for option in NOT_CARRIED]
    return Course(
        key=key_of(document),
        link=_JSON.encode([plain, bool(document.get("continuous")), left_out]),
        source=read_end(source),
        target=read_end(target),
        is_continuous=bool(document.get("continuous")),
        is_whole=not any(option in document for option in NOT_CARRIED),
        keeps=document.get("use_checkpoints") is not False,
    )


def read_end(endpoint: Any) -> End:
    url: str = endpoint["url"] if isinstance(endpoint, dict) else endpoint
    address, _, path = url.rpartition("/")
    login = endpoint.get("auth", {}).get("basic", {}) if isinstance(endpoint, dict) else {}
    return End(address, unquote(path), login.get("username", ""), login.get("password", ""))


def key_of(document: Mapping[str, Any]) -> str:
    """The body, without what the server writes."""
    return _JSON.encode({k: v for k, v in document.items() if not k.startswith("_")})


def rows(jobs: Mapping[str, Job]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The scheduler's rows by document id, in CouchDB's form."""
    for doc_id, job in jobs.items():
        yield doc_id, {"doc_id": doc_id, "state": job.state, "info": info(job)}


def info(job: Job) -> dict[str, Any] | None:
    """None before the first change of a replication was looked at, in whichever of its runs."""
    if job.error:
        return {"error": job.error}
    if job.since == 0 and job.checked + job.written == 0:
        return None
    return {
        "through_seq": str(job.since),
        "revisions_checked": job.checked + job.written,
        "docs_written": job.written,
        "doc_write_failures": job.refused,
        "changes_pending": job.pending,
    }
