"""Those who wait for the end of a job, a fresh look or changes: one reader of the store's events serves them all."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

from api.listeners import Listeners
from api.threads import Threads
from common import log
from common.cluster import ClusterKey
from common.errors import NewerVersion, StoreUnavailable
from common.jobs import Job
from common.store.port import ClusterRecord, Event, Store

K = TypeVar("K")
V = TypeVar("V")

AGAIN_AFTER = 0.5
"""Seconds between two tries of a store that is away."""

REREAD_AT_ONCE = 20
"""Jobs, at 0.1 ms each: with 500 who wait, one whose job has ended would hear of it 50 ms later."""

Gone = asyncio.Future[None]
"""Done when the client has hung up."""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One who waits for a view of a cluster that was not made before `since`, the store's time."""

    since: float
    future: "asyncio.Future[ClusterRecord | None]"


class Waiters:
    """Register and wait on the event loop; the reader is a thread. All methods but `let_go` belong to the loop.

    An event may be missed (the stream is capped, the store may be away), so what is awaited is read again every
    `reread_every` seconds in any case. One read waits `read_for` seconds for events (the store allows 2). Nobody is
    left waiting past the time they gave.
    """

    def __init__(
        self,
        store: Store,
        threads: Threads,
        *,
        clock: Callable[[], float],
        read_for: float = 1.0,
        reread_every: float = 3.0,
    ) -> None:
        self._store = store
        self._threads = threads
        self._clock = clock
        self._read_for = read_for
        self._reread_every = reread_every
        self._jobs: dict[str, set[asyncio.Future[Job | None]]] = {}
        self._looks: dict[ClusterKey, set[Look]] = {}
        self.listeners = Listeners(lambda hear: self._tell(lambda _: hear(), None))
        self._names = threading.Lock()  # guards the keys of both: the reader looks at them
        self._stopping = threading.Event()
        self._is_closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reader: threading.Thread | None = None
        self._log = log.get("api.waiters")

    def start(self) -> None:
        """Begin to read, for the loop that is running."""
        self._loop = asyncio.get_running_loop()
        self._reader = threading.Thread(target=self._read, name="waiters", daemon=True)
        self._reader.start()

    async def stop(self) -> None:
        """Let everybody go and end the reader, within a read's length."""
        self._release()
        self._stopping.set()
        if self._reader is not None:
            await asyncio.to_thread(self._reader.join, 2 * self._read_for + 3.0)

    def let_go(self) -> None:
        """From any thread or a signal handler: all who wait answer now, and nobody waits from now on."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._release)

    @property
    def count(self) -> int:
        return sum(map(len, self._jobs.values())) + sum(map(len, self._looks.values()))

    async def ended(self, job_id: str, *, seconds: float, gone: Gone) -> Job | None:
        """The job once it has ended; None when the time is up, the client has gone, or the process is about to end."""
        until = self._clock() + seconds
        future: asyncio.Future[Job | None] = asyncio.get_running_loop().create_future()
        with self._names:
            self._jobs.setdefault(job_id, set()).add(future)
        try:
            with suppress(StoreUnavailable):  # the job is accepted, and the reader looks again
                job = await self._threads.run(self._store.job, job_id)  # it may have ended before anyone listened
                if job is not None and job.status.is_ended:
                    return job
            if not self._is_closing:
                left = max(0.0, until - self._clock())
                await asyncio.wait((future, gone), timeout=left, return_when=asyncio.FIRST_COMPLETED)
            return future.result() if future.done() else None
        finally:
            self._forget(self._jobs, job_id, future)

    @contextmanager
    def look(self, key: ClusterKey, *, since: float) -> Iterator["asyncio.Future[ClusterRecord | None]"]:
        """A future for the record with the first view made at `since` or later; None when the process ends."""
        future: asyncio.Future[ClusterRecord | None] = asyncio.get_running_loop().create_future()
        look = Look(since, future)
        with self._names:
            self._looks.setdefault(key, set()).add(look)
        if self._is_closing:
            future.set_result(None)
        try:
            yield future
        finally:
            self._forget(self._looks, key, look)

    def _forget(self, waiting: dict[K, set[V]], name: K, one: V) -> None:
        with self._names:
            waiting[name].discard(one)
            if not waiting[name]:
                del waiting[name]

    # on the loop, called by the reader

    def _release(self) -> None:
        self._is_closing = True
        self.listeners.release()
        for jobs in self._jobs.values():
            _settle(jobs, None)
        for looks in self._looks.values():
            _settle((look.future for look in looks), None)

    def _job_ended(self, job: Job) -> None:
        _settle(self._jobs.get(job.id, ()), job)

    def _looked(self, record: ClusterRecord) -> None:
        seen = record.view.observed_at if record.view is not None else 0.0
        waiting = self._looks.get(record.spec.key, ())
        _settle((look.future for look in waiting if seen >= look.since), record)

    # in the reader's thread

    def _read(self) -> None:
        after: str | None = None
        reread_at = 0.0
        again: list[str] = []  # jobs that are to be read again, a few between two reads of events
        while not self._stopping.is_set():
            try:
                if after is None:
                    after = self._store.newest_event()
                if events := self._store.events(after, block=0.0 if again else self._read_for):
                    after = events[-1].id
                    self._hand_over(events)
                if not again and self._clock() >= reread_at:
                    again = self._waited_for()
                    reread_at = self._clock() + self._reread_every
                self._read_jobs(self._still_waited_for(again[:REREAD_AT_ONCE]))
                again = again[REREAD_AT_ONCE:]
            except StoreUnavailable:
                again, reread_at = [], 0.0  # whatever ended meanwhile is found as soon as the store is back
                self._stopping.wait(AGAIN_AFTER)
            except Exception:
                self._log.exception("the reader of events stumbled and goes on")
                self._stopping.wait(AGAIN_AFTER)

    def _hand_over(self, events: Iterable[Event]) -> None:
        seen = list(events)
        with self._names:
            ended = [event.job for event in seen if event.ended and event.job is not None]
            jobs = [job for job in dict.fromkeys(ended) if job in self._jobs]
            jobs += self.listeners.wanted(dict.fromkeys(event.job for event in seen if event.job is not None))
            keys = [key for key in dict.fromkeys(event.key for event in seen) if key in self._looks]
        self._read_jobs(jobs)
        for key in keys:
            with self._passing_over(str(key)):
                record = self._store.cluster(key)
                if record is not None:
                    self._tell(self._looked, record)

    def _waited_for(self) -> list[str]:
        with self._names:
            return list(dict.fromkeys([*self._jobs, *self.listeners.wanted()]))

    def _still_waited_for(self, jobs: Iterable[str]) -> list[str]:
        listened = set(self.listeners.wanted())
        with self._names:
            return [job for job in jobs if job in self._jobs or job in listened]

    def _read_jobs(self, jobs: Iterable[str]) -> None:
        for job_id in dict.fromkeys(jobs):
            with self._passing_over(job_id):
                is_listened = bool(self.listeners.wanted([job_id]))
                job = self.listeners.read(self._store, job_id) if is_listened else self._store.job(job_id)
                if job is not None and job.status.is_ended:
                    self._tell(self._job_ended, job)

    @contextmanager
    def _passing_over(self, what: str) -> Iterator[None]:
        """A record that only a newer kanto may read holds up nobody who waits for another."""
        try:
            yield
        except NewerVersion as newer:
            self._log.info("passed_over", record=what, why=newer.message)

    def _tell(self, method: Callable[[V], None], value: V) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(method, value)


def _settle(futures: Iterable[asyncio.Future[V]], value: V) -> None:
    for future in list(futures):
        if not future.done():
            future.set_result(value)
