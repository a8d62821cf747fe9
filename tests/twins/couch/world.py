"""CouchDB servers in memory for a deterministic simulation: revisions, a replicator that moves when told to, faults.

Nothing here knows a clock or chance: time passes by `World.tick`, and what happens is what the test asks for.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, NamedTuple

from tests.twins.couch.jobs import End, Job, key_of, read_course
from worker.couch.documents import Document, has_ended

Fault = Literal["none", "down", "unclear", "mute", "full"]
"""down: the process is not there. unclear: kanto's requests are not answered, siblings' are. mute: as unclear, but what
kanto asks for is done all the same. full: its disk is, so that it answers and writes nothing."""

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
    is_partitioned: bool = False
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
class Server:
    """One CouchDB: its data, its replicator, its fence, and what is wrong with it.

    `admins` are passwords by name, `users` those that a fence shuts out; `lines` are admin lines of users that nobody
    ever logs in by, None where a test does not care. `moves_every`: its replications move once in
    so many ticks. `marker` to `fenced` are the stages of a fence by their nonces. Its values (`walls`) hold users off
    only from the next restart on (`is_closed`): before, those whose login is remembered still write.
    """

    address: str
    uuid: str
    admins: dict[str, str]
    users: dict[str, str] = field(default_factory=dict)
    lines: dict[str, str] | None = None
    databases: dict[str, Database] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    checkpoints: dict[str, int] = field(default_factory=dict)
    fault: Fault = "none"
    moves_every: int = 1
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

    @property
    def is_full(self) -> bool:
        return self.fault == "full"

    def knows(self, name: str, password: str) -> bool:
        return self.admins.get(name) == password or (not self.is_closed and self.users.get(name) == password)

    def number(self) -> int:
        self.counter += 1
        return self.counter

    def create(self, name: str, *, is_partitioned: bool = False) -> None:
        if name not in self.databases:
            self.databases[name] = Database(created=f"{self.uuid}-{self.number()}", is_partitioned=is_partitioned)

    def write(self, database: str, doc_id: str) -> Revision | None:
        """A user's write of a new revision; None if it is not acknowledged, and then it is not there either."""
        if not self.is_up or self.is_full or self.is_closed or database not in self.databases:
            return None
        found = self.databases[database]
        revision = Revision(doc_id, f"{self.number()}-{self.uuid}", found.heads.get(doc_id))
        found.add(revision)
        return revision

    def put_document(self, document: Document) -> None:
        """Write a document of `_replicator`, whatever is there; the server gives it its revision.

        With another body it is another replication, which the scheduler has not begun yet.
        """
        self.create("_replicator")
        name = document["source"]["auth"]["basic"]["username"] if isinstance(document["source"], dict) else ""
        written = {"owner": name, **document, "_rev": f"{self.number()}-{self.uuid}"}
        self.documents[document["_id"]] = written
        job = self.jobs.get(document["_id"])
        if job is not None and job.course.key != key_of(written):
            del self.jobs[document["_id"]]

    def delete_document(self, doc_id: str) -> None:
        """Delete a document of `_replicator`, and with it its replication."""
        self.documents.pop(doc_id, None)
        self.jobs.pop(doc_id, None)

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

    (A real one needs 60 to 80 s and says `running` until then.) `tries_for`: ticks for which one that begins says
    `running` although it does not reach its ends, before it crashes (a real one asks six times, for 8 s). `batch`:
    most revisions a replication moves in a tick. `restart_ticks`: how long a server is away when it restarts. `page`:
    most revisions a call of drain looks at in each database. `first_wait`: ticks for which a replication waits that
    crashes for the first time (a real one for 30 s); each wait is `patience` times the one before, `longest_wait` at
    most. `cuts`: from whose address to whose no connection comes about.
    """

    def __init__(
        self,
        *,
        notice_after: int = 0,
        tries_for: int = 0,
        batch: int = 1_000,
        restart_ticks: int = 2,
        page: int = 1_000,
        first_wait: int = 1,
        longest_wait: int = LONGEST_WAIT,
        patience: int = 2,
    ) -> None:
        self.servers: dict[str, Server] = {}
        self.cuts: set[tuple[str, str]] = set()
        self.notice_after = notice_after
        self.tries_for = tries_for
        self.batch = batch
        self.restart_ticks = restart_ticks
        self.page = page
        self.first_wait = first_wait
        self.longest_wait = longest_wait
        self.patience = patience
        self._is_still = False
        self._stirs = 0

    def add(self, server: Server) -> Server:
        """Start a server with the databases that a single node makes by itself; it replaces one at its address."""
        for name in ("_replicator", "_users"):
            server.create(name)
        self.servers[server.address] = server
        self.stir()
        return server

    def stir(self) -> None:
        """Something was changed from outside: `advance` has to look again, at every replication."""
        self._is_still = False
        self._stirs += 1

    def advance(self, ticks: int) -> None:
        """As so many ticks, but for those in which nothing can move, if `stir` was called after each change."""
        while ticks > 0 and not self._is_still:
            ticks -= 1
            if not self._tick():
                pause = self._pause()
                self._is_still = pause is None
                self._wait(min(ticks, (pause or 1) - 1))
                ticks -= min(ticks, (pause or 1) - 1)

    def tick(self) -> bool:
        """Every replication of every server that is up goes one step on; whether anything moved."""
        self.stir()
        return self._tick()

    def _tick(self) -> bool:
        has_moved = False
        for address in sorted(self.servers):
            server = self.servers[address]
            if server.restarting:
                server.restarting -= 1
                has_moved |= server.restarting == 0
            if server.is_up:
                has_moved |= self._run(server)
        return has_moved

    def _pause(self) -> int | None:
        """Ticks until something can move by itself; None if nothing can."""
        waits = [server.restarting for server in self.servers.values() if server.restarting]
        for server in self.servers.values():
            if server.is_up:
                waits += [job.wait for job in server.jobs.values() if job.wait]
                waits += [self._tries_of(job) - job.unanswered + 1 for job in server.jobs.values() if job.unanswered]
        return min(waits, default=None)

    def _wait(self, ticks: int) -> None:
        for server in self.servers.values():
            server.restarting = max(server.restarting - ticks, 0)
            if server.is_up:
                for job in server.jobs.values():
                    job.wait = max(job.wait - ticks, 0)
                    job.unanswered += ticks if job.unanswered else 0

    def _run(self, server: Server) -> bool:
        documents, jobs, has_moved = server.documents, server.jobs, False
        for gone in [doc_id for doc_id in jobs if doc_id not in documents]:
            del jobs[gone]
            has_moved = True
        for doc_id in sorted(documents):
            document = documents[doc_id]
            job = jobs.get(doc_id)
            if job is None or job.document is not document:
                has_moved = True
                if has_ended(document):
                    jobs.pop(doc_id, None)
                    continue
                job = jobs[doc_id] = renewed(job, document)
            if job.wait > 0:
                job.wait -= 1
            elif job.idle_since != self._stirs or job.idle is None or job.idle.last > job.since:
                has_moved |= self._advance(server, job)
        return has_moved

    def _advance(self, server: Server, job: Job) -> bool:
        if not job.is_open:
            rival = rival_of(server, job)
            if rival is not None:
                why = f"already started, triggered by document `{rival}` from db `_replicator`"
                end(server, job, "failed", why)
                return True
        job.idle = None
        try:
            return self._move(server, job)
        except Crash as crash:
            job.unanswered += 1
            if job.unanswered > self._tries_of(job):
                job.state, job.error, job.is_open, job.unanswered = "crashing", str(crash), False, 0
                job.wait = min(self.first_wait * self.patience ** min(job.crashes, 60), self.longest_wait)
                job.crashes += 1
                return True
            has_begun = job.state != "running"
            job.state, job.error = "running", ""
            return has_begun

    def _tries_of(self, job: Job) -> int:
        """In how many ticks one after the other it may fail to reach an end before it crashes."""
        return self.notice_after if job.is_open else self.tries_for

    def _move(self, server: Server, job: Job) -> bool:
        """One batch; whether anything came of it."""
        source = self._open(server, job.course.source)
        target = self._open(server, job.course.target)
        checkpoint = f"{job.course.link} {source.created} {target.created}"
        was_open = job.is_open
        if not was_open:
            job.since, job.checkpoint = server.checkpoints.get(checkpoint, 0), checkpoint
        elif job.checkpoint != checkpoint and source.last > job.since:
            raise Crash("{checkpoint_commit_failure, target database was made again}")
        elif job.checkpoint != checkpoint:
            job.idle, job.idle_since, job.unanswered = source, self._stirs, 0
            return False  # with nothing to send, a replicator does not notice
        job.state, job.error, job.is_open = "running", "", True
        before = job.since
        if source.last > before:
            self._carry(server, job, source, target)
            if job.course.keeps:
                server.checkpoints[checkpoint] = job.since
        job.unanswered = 0
        job.pending = source.last - job.since
        if not job.course.is_continuous and job.pending == 0:
            end(server, job, "completed", refused=job.refused)
        elif job.pending:
            job.wait = server.moves_every - 1
        else:
            job.idle, job.idle_since = source, self._stirs
        return not was_open or job.since != before or not job.course.is_continuous

    def _carry(self, server: Server, job: Job, source: Database, target: Database) -> None:
        if any(self.servers[end.address].is_full for end in (job.course.source, job.course.target)) or server.is_full:
            raise Crash("{checkpoint_commit_failure, no space left on device}")
        for seq, revision in source.since(job.since)[: self.batch]:
            job.since = seq
            if revision in target.revisions or not job.course.is_whole:
                job.checked += 1
            elif revision.doc_id in target.refuses:
                job.refused += 1
            else:
                job.written += 1
                target.add(revision)

    def _open(self, server: Server, end: End) -> Database:
        other = self.servers.get(end.address)
        if other is None or not other.is_up or (server.address, end.address) in self.cuts:
            raise Crash(f'{{session_request_failed,"{end.address}/_session",{{conn_failed,{{error,econnrefused}}}}}}')
        if not other.knows(end.name, end.password):
            raise Crash(f'{{session_request_unauthorized,"{end.address}/_session"}}')
        database = other.databases.get(end.database)
        if database is None:
            raise Crash(f"db_not_found: could not open {end.address}/{end.database}/")
        return database


def renewed(job: Job | None, document: Document) -> Job:
    """The job of a document that was written: the same one if its body is."""
    course = read_course(document)
    if job is None or job.course.key != course.key:
        return Job(document, course)
    job.document = document
    return job


def rival_of(server: Server, mine: Job) -> str | None:
    """Another document of the same replication that was there first and has not ended."""
    for doc_id, job in server.jobs.items():
        if job is not mine and job.state != "initializing" and job.course.link == mine.course.link:
            other = server.documents.get(doc_id)
            if other is not None and not has_ended(other):
                return doc_id
    return None


def end(server: Server, job: Job, state: Literal["completed", "failed"], reason: str = "", refused: int = 0) -> None:
    """Write a final state into the document, as CouchDB does."""
    document = job.document
    final: Document = {**document, "_replication_state": state, "_rev": f"{server.number()}-{server.uuid}"}
    if state == "failed":
        final["_replication_state_reason"] = reason
    else:
        final["_replication_stats"] = {"doc_write_failures": refused}
    server.documents[document["_id"]] = final
