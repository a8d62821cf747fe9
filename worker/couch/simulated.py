"""CouchDB servers in memory for a deterministic simulation: revisions, a replicator that moves when told to, faults.

Nothing here knows a clock or chance: time passes by `World.tick`, and what happens is what the test asks for.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote

from common.view import ReplicationState
from worker.couch.documents import Document, has_ended

Fault = Literal["none", "down", "unclear", "mute"]
"""down: the process is not there. unclear: kanto's requests are not answered, siblings' are. mute: as unclear, but what
kanto asks for is done all the same."""

DEFAULT_SECURITY = json.dumps(
    {"admins": {"roles": ["_admin"]}, "members": {"roles": ["_admin"]}}, separators=(",", ":")
)
LONGEST_WAIT = 64


class Revision(NamedTuple):
    """One revision of one document, and the one that it was written over."""

    doc_id: str
    rev: str
    parent: str | None = None


@dataclass
class Database:
    """Revisions by the sequence they arrived with. `created` tells one that was made again from the one before.

    `heads` is the revision of each document that the next write goes over.
    """

    created: str
    security: str = DEFAULT_SECURITY
    revisions: dict[Revision, int] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    refuses: set[str] = field(default_factory=set)

    @property
    def last(self) -> int:
        return len(self.revisions)

    def add(self, revision: Revision) -> None:
        if revision not in self.revisions:
            self.revisions[revision] = len(self.revisions) + 1
            self.heads[revision.doc_id] = revision.rev

    def conflicts(self) -> int:
        """How many documents have more than one revision that none was written over."""
        over = {(revision.doc_id, revision.parent) for revision in self.revisions}
        leaves = [revision.doc_id for revision in self.revisions if (revision.doc_id, revision.rev) not in over]
        return sum(1 for count in Counter(leaves).values() if count > 1)

    def since(self, seq: int) -> list[tuple[int, Revision]]:
        if seq >= len(self.revisions):
            return []
        return [(at, revision) for revision, at in islice(self.revisions.items(), seq, None)]


@dataclass
class Job:
    """One replication as the scheduler runs it. `key` is the document's body: another body is another job."""

    key: str
    state: ReplicationState = "initializing"
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


@dataclass
class Server:
    """One CouchDB: its data, its replicator, its fence, and what is wrong with it. `admins` are passwords by name.

    `marker` to `fenced` are the stages of a fence by their nonces. Its values (`walls`) hold users off only from the
    next restart on (`is_closed`): before, those whose login is remembered still write.
    """

    address: str
    uuid: str
    admins: dict[str, str]
    databases: dict[str, Database] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    checkpoints: dict[str, int] = field(default_factory=dict)
    fault: Fault = "none"
    counter: int = 0
    restarting: int = 0
    marker: str | None = None
    walls: str | None = None
    checked: str | None = None
    fenced: str | None = None
    is_closed: bool = False

    @property
    def is_up(self) -> bool:
        return self.fault != "down" and self.restarting == 0

    def number(self) -> int:
        self.counter += 1
        return self.counter

    def create(self, name: str) -> None:
        if name not in self.databases:
            self.databases[name] = Database(created=f"{self.uuid}-{self.number()}")

    def write(self, database: str, doc_id: str) -> Revision | None:
        """A user's write of a new revision; None if it is not acknowledged, and then it is not there either."""
        if not self.is_up or self.is_closed or database not in self.databases:
            return None
        found = self.databases[database]
        revision = Revision(doc_id, f"{self.number()}-{self.uuid}", found.heads.get(doc_id))
        found.add(revision)
        return revision

    def put_document(self, document: Document) -> None:
        """Write a document of `_replicator`, whatever is there; the server gives it its revision."""
        self.create("_replicator")
        name = document["source"]["auth"]["basic"]["username"] if isinstance(document["source"], dict) else ""
        self.documents[document["_id"]] = {"owner": name, **document, "_rev": f"{self.number()}-{self.uuid}"}

    def stop(self) -> None:
        self.fault = "down"
        self._forget()

    def start(self) -> None:
        self.fault = "none"

    def restart(self, ticks: int) -> None:
        """As `_restart` does: away for a while, and everything that was only in memory is gone."""
        self.restarting = ticks
        self._forget()

    def _forget(self) -> None:
        self.jobs.clear()
        self.marker = None
        self.is_closed = self.walls is not None


class Crash(Exception):
    """A replication met this, in the replicator's own words."""


class World:
    """All servers by address. `notice_after`: ticks until a replicator sees that its target is away.

    (A real one needs 60 to 80 s and says `running` until then.) `batch`: most revisions a replication moves in a tick.
    `restart_ticks`: how long a server is away when it restarts. `page`: most revisions a call of drain looks at in each
    database.
    """

    def __init__(self, *, notice_after: int = 0, batch: int = 1_000, restart_ticks: int = 2, page: int = 1_000) -> None:
        self.servers: dict[str, Server] = {}
        self.notice_after = notice_after
        self.batch = batch
        self.restart_ticks = restart_ticks
        self.page = page

    def add(self, server: Server) -> Server:
        """Start a server with the databases that a single node makes by itself; it replaces one at its address."""
        for name in ("_replicator", "_users"):
            server.create(name)
        self.servers[server.address] = server
        return server

    def tick(self) -> None:
        """Every replication of every server that is up goes one step on."""
        for address in sorted(self.servers):
            server = self.servers[address]
            server.restarting = max(server.restarting - 1, 0)
            if server.is_up:
                self._run(server)

    def _run(self, server: Server) -> None:
        for gone in set(server.jobs) - set(server.documents):
            del server.jobs[gone]
        for doc_id in sorted(server.documents):
            document = server.documents[doc_id]
            if has_ended(document):
                server.jobs.pop(doc_id, None)
                continue
            key = key_of(document)
            job = server.jobs.get(doc_id)
            if job is None or job.key != key:
                job = server.jobs[doc_id] = Job(key)
            self._advance(server, document, job)

    def _advance(self, server: Server, document: Document, job: Job) -> None:
        if job.wait > 0:
            job.wait -= 1
            return
        rival = rival_of(server, document)
        if rival is not None:
            end(server, document, "failed", f"already started, triggered by document `{rival}` from db `_replicator`")
            return
        try:
            self._move(server, document, job)
        except Crash as crash:
            job.unanswered += 1
            if job.unanswered > self.notice_after or job.state != "running":
                job.state, job.error = "crashing", str(crash)
                job.wait = min(2**job.crashes, LONGEST_WAIT)
                job.crashes += 1

    def _move(self, server: Server, document: Document, job: Job) -> None:
        source = self._open(document["source"])
        target = self._open(document["target"])
        checkpoint = f"{link_of(document)} {source.created} {target.created}"
        if job.state != "running":
            job.since, job.checkpoint = server.checkpoints.get(checkpoint, 0), checkpoint
        elif job.checkpoint != checkpoint and source.last > job.since:
            raise Crash("{checkpoint_commit_failure, target database was made again}")
        elif job.checkpoint != checkpoint:
            return  # with nothing to send, a replicator does not notice
        job.state, job.error, job.unanswered = "running", "", 0
        for seq, revision in source.since(job.since)[: self.batch]:
            job.since = seq
            if revision in target.revisions:
                job.checked += 1
            elif revision.doc_id in target.refuses:
                job.refused += 1
            else:
                job.written += 1
                target.add(revision)
        server.checkpoints[checkpoint] = job.since
        job.pending = source.last - job.since
        if not document.get("continuous") and job.pending == 0:
            end(server, document, "completed", refused=job.refused)

    def _open(self, endpoint: Any) -> Database:
        url: str = endpoint["url"] if isinstance(endpoint, dict) else endpoint
        address, _, path = url.rpartition("/")
        server = self.servers.get(address)
        if server is None or not server.is_up:
            raise Crash(f'{{session_request_failed,"{address}/_session",{{conn_failed,{{error,econnrefused}}}}}}')
        login = endpoint.get("auth", {}).get("basic", {}) if isinstance(endpoint, dict) else {}
        if server.admins.get(login.get("username", "")) != login.get("password", ""):
            raise Crash(f'{{session_request_unauthorized,"{address}/_session"}}')
        database = server.databases.get(unquote(path))
        if database is None:
            raise Crash(f"db_not_found: could not open {url}/")
        return database


def key_of(document: Document) -> str:
    return json.dumps({k: v for k, v in document.items() if not k.startswith("_")}, sort_keys=True)


def link_of(document: Document) -> str:
    """What a replication id is made of: both ends and the headers, not the options."""
    ends = [document["source"], document["target"]]
    plain = [
        {"url": end["url"], "headers": end.get("headers")} if isinstance(end, dict) else {"url": end} for end in ends
    ]
    return json.dumps([plain, bool(document.get("continuous"))], sort_keys=True)


def rival_of(server: Server, document: Document) -> str | None:
    """Another document of the same replication that was there first and has not ended."""
    for doc_id, job in server.jobs.items():
        other = server.documents.get(doc_id)
        if other is None or doc_id == document["_id"] or has_ended(other) or job.state == "initializing":
            continue
        if link_of(other) == link_of(document):
            return doc_id
    return None


def end(
    server: Server, document: Document, state: Literal["completed", "failed"], reason: str = "", refused: int = 0
) -> None:
    """Write a final state into the document, as CouchDB does."""
    final: Document = {**document, "_replication_state": state, "_rev": f"{server.number()}-{server.uuid}"}
    if state == "failed":
        final["_replication_state_reason"] = reason
    else:
        final["_replication_stats"] = {"doc_write_failures": refused}
    server.documents[document["_id"]] = final


def rows(server: Server) -> Iterator[tuple[str, dict[str, Any]]]:
    """The scheduler's rows by document id, in CouchDB's form."""
    for doc_id, job in server.jobs.items():
        info: dict[str, Any] = {
            "through_seq": str(job.since),
            "docs_written": job.written,
            "doc_write_failures": job.refused,
            "changes_pending": job.pending,
        }
        yield doc_id, {"doc_id": doc_id, "state": job.state, "info": {"error": job.error} if job.error else info}
