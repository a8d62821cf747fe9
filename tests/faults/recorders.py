"""Writers that go on through everything, and keep a record of each revision that was acknowledged to them."""

import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import httpx

from tests.running import Running

PAUSE = 0.01
"""Seconds between two requests of a writer: the cluster has to have time for something else too."""

TIMEOUT = 5.0
AFTER_A_CUT = 0.1
CHECKED_AT_ONCE = 500

SHARED = "test"
ALONE = "alone"
"""A database that no replication covers: each write is on one instance, and must outlive it all the same."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A revision that a server said it has: where it was sent, and when (monotonic seconds)."""

    database: str
    doc_id: str
    revision: str
    sent_to: str
    at: float

    def __str__(self) -> str:
        return f"{self.database}/{self.doc_id} {self.revision}, acknowledged by {self.sent_to} at {self.at:.2f}"


@dataclass
class Gaps:
    """The longest time without a success, over all who report one."""

    longest: float = 0.0
    ended_at: float = 0.0
    last: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def succeeded(self, now: float) -> None:
        with self.lock:
            if self.last is not None and now - self.last > self.longest:
                self.longest, self.ended_at = now - self.last, now
            self.last = max(now, self.last or now)


class Recorder:
    """One writer: creates, updates and deletes documents of its own, over a connection that it keeps."""

    def __init__(
        self,
        lane: int,
        *,
        login: tuple[str, str],
        choose: Callable[[], str | None],
        databases: Sequence[str],
        gaps: Sequence[Gaps],
        seed: int,
    ) -> None:
        self.lane = lane
        self.acknowledged: list[Acknowledged] = []
        self.answers: dict[int, int] = {}
        self.cut = 0
        self._login = login
        self._choose = choose
        self._databases = databases
        self._gaps = gaps
        self._chance = random.Random(f"{seed} {lane}")
        self._mine: dict[tuple[str, str], str] = {}
        self._number = 0

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            url = self._choose()
            if url is None:
                stop.wait(AFTER_A_CUT)
                continue
            with httpx.Client(base_url=url, auth=self._login, timeout=TIMEOUT, trust_env=False) as client:
                try:
                    self._write_on(client, url, stop)
                except httpx.TransportError:
                    self.cut += 1
                    stop.wait(AFTER_A_CUT)

    def _write_on(self, client: httpx.Client, url: str, stop: threading.Event) -> None:
        """Until the connection is cut, or this server refuses."""
        while not stop.wait(PAUSE):
            database, doc_id, body = self._next()
            answer = client.put(f"/{database}/{doc_id}", json=body)
            self.answers[answer.status_code] = self.answers.get(answer.status_code, 0) + 1
            if answer.status_code in (200, 201, 202):
                self._keep(database, doc_id, answer.json()["rev"], url, body)
            elif answer.status_code == 404:
                client.put(f"/{database}")
            elif answer.status_code == 409:
                self._mine.pop((database, doc_id), None)  # on another instance it is not there yet, or is newer
            else:
                stop.wait(AFTER_A_CUT)
                return

    def _next(self) -> tuple[str, str, dict[str, object]]:
        """Mostly a new document, else the next revision of one of our last ones, which may be its end."""
        self._number += 1
        if self._mine and self._chance.random() < 0.3:
            database, doc_id = self._chance.choice(list(self._mine))
            body: dict[str, object] = {"_rev": self._mine[database, doc_id], "number": self._number}
            return database, doc_id, body | ({"_deleted": True} if self._chance.random() < 0.2 else {})
        database = self._chance.choice(self._databases)
        return database, f"w{self.lane}-{self._number}", {"number": self._number}

    def _keep(self, database: str, doc_id: str, revision: str, url: str, body: Mapping[str, object]) -> None:
        now = time.monotonic()
        for gap in self._gaps:
            gap.succeeded(now)
        self.acknowledged.append(Acknowledged(database, doc_id, revision, url, now))
        self._mine.pop((database, doc_id), None)
        if "_deleted" not in body:
            self._mine[database, doc_id] = revision
        while len(self._mine) > 5:
            self._mine.pop(next(iter(self._mine)))


class Crowd(Running):
    """All recorders, each in a thread of its own."""

    def __init__(self, recorders: Sequence[Recorder]) -> None:
        super().__init__([recorder.run for recorder in recorders], who="a writer")
        self.recorders = recorders

    @property
    def acknowledged(self) -> list[Acknowledged]:
        return [one for recorder in self.recorders for one in tuple(recorder.acknowledged)]


def missing(
    acknowledged: Sequence[Acknowledged], urls: Sequence[str], *, login: tuple[str, str]
) -> dict[str, list[Acknowledged]]:
    """What each of these instances does not know, by its URL: every revision is asked for, not only the last.

    httpx.TransportError when one does not answer.
    """
    found: dict[str, list[Acknowledged]] = {}
    with ExitStack() as stack:
        for url in urls:
            client = stack.enter_context(httpx.Client(base_url=url, auth=login, timeout=30, trust_env=False))
            found[url] = [one for part in in_parts(acknowledged) for one in unknown_to(client, part)]
    return found


def in_parts(acknowledged: Sequence[Acknowledged]) -> list[tuple[str, list[Acknowledged]]]:
    parts = []
    for database in sorted({one.database for one in acknowledged}):
        ours = [one for one in acknowledged if one.database == database]
        parts += [(database, ours[at : at + CHECKED_AT_ONCE]) for at in range(0, len(ours), CHECKED_AT_ONCE)]
    return parts


def unknown_to(client: httpx.Client, part: tuple[str, list[Acknowledged]]) -> list[Acknowledged]:
    database, ours = part
    asked: dict[str, list[str]] = {}
    for one in ours:
        asked.setdefault(one.doc_id, []).append(one.revision)
    answer = client.post(f"/{database}/_revs_diff", json=asked)
    if answer.status_code == 404:
        return ours
    answer.raise_for_status()
    lacking = {(doc_id, revision) for doc_id, row in answer.json().items() for revision in row.get("missing", ())}
    return [one for one in ours if (one.doc_id, one.revision) in lacking]
