"""Those who listen to the changes of a job. One reader reads each change once, however many listen."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from common.jobs import Job
from common.store.port import ClusterRecord, JobLog, Store


@dataclass(frozen=True, slots=True)
class News:
    """Changes of a job, oldest first, and its cluster if the job has ended. Some may have been told before."""

    log: JobLog
    record: ClusterRecord | None


Ear: TypeAlias = "asyncio.Queue[News | None]"
"""What one listener hears. None: the job is not kept any more, or the process ends."""


class Listeners:
    """Registered on the event loop; `read` belongs to the thread that reads events, and `tell` hands over to the loop.

    What is heard may begin anywhere, so a listener reads the job itself once it is registered; from then on it misses
    nothing, and knows by the numbers what it has heard.
    """

    def __init__(self, tell: Callable[[Callable[[], None]], None]) -> None:
        self._tell = tell
        self._ears: dict[str, set[Ear]] = {}
        self._heard: dict[str, int] = {}
        self._names = threading.Lock()  # guards the keys of both: the reader looks at them
        self._is_closing = False

    @property
    def count(self) -> int:
        return sum(map(len, self._ears.values()))

    @contextmanager
    def listen(self, job_id: str) -> Iterator[Ear]:
        """An ear for a job, as long as the block runs."""
        ear: Ear = asyncio.Queue()
        with self._names:
            self._ears.setdefault(job_id, set()).add(ear)
        if self._is_closing:
            ear.put_nowait(None)
        try:
            yield ear
        finally:
            with self._names:
                self._ears[job_id].discard(ear)
                if not self._ears[job_id]:
                    del self._ears[job_id]
                    self._heard.pop(job_id, None)

    def release(self) -> None:
        """All who listen end, and nobody listens from now on."""
        self._is_closing = True
        for job_id in list(self._ears):
            self._hear(job_id, None)

    def wanted(self, jobs: Iterable[str] | None = None) -> list[str]:
        """Those of the jobs that somebody listens to; all such without a choice. From any thread."""
        with self._names:
            return list(self._ears) if jobs is None else [job for job in jobs if job in self._ears]

    def read(self, store: Store, job_id: str) -> Job | None:
        """Read what is new of a job and tell it; the job as it is now. In the reader's thread."""
        with self._names:
            after = self._heard.get(job_id, 0)
        log = store.changes(job_id, after=after)
        if log is None:
            self._tell(lambda: self._hear(job_id, None))
            return None
        if log.job.revision != after or log.job.status.is_ended:
            record = store.cluster(log.job.key) if log.job.status.is_ended else None
            news = News(log, record)
            with self._names:
                if job_id in self._ears:
                    self._heard[job_id] = log.job.revision
            self._tell(lambda: self._hear(job_id, news))
        return log.job

    def _hear(self, job_id: str, news: News | None) -> None:
        for ear in self._ears.get(job_id, ()):
            ear.put_nowait(news)
