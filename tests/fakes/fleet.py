"""Workers as processes, many clusters of fake instances, and a Redis: started, watched, and killed one by one."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from common.cluster import ClusterKey, ClusterSpec
from common.jobs import JobKind, JobStatus
from common.store.port import Submission
from common.store.redis import RedisStore
from common.wakeup import WakeUps
from tests.fakes.platform import order

PATIENCE = 120.0
"""Seconds that anything may take on a loaded machine."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a worker's journal."""

    worker: int
    what: str
    at: float
    key: str
    fence: int


@dataclass(frozen=True, slots=True)
class Step:
    """What one worker did under one lease; `ended` is None for one that was killed in it. Monotonic seconds."""

    worker: int
    key: str
    fence: int
    began: float
    ended: float | None


def build_spec(number: int, *, replicas: int) -> ClusterSpec:
    return ClusterSpec(
        user=f"user{number % 20:02}",
        tag=f"c-{number:05}",
        incarnation=f"first-{number}",
        replicas=replicas,
        databases=("_users", "test"),
        admin_name=f"user{number % 20:02}",
        admin_line="-pbkdf2:sha256-00,aa,1",
    )


class Fleet:
    """`with Fleet(...) as fleet`: fakes for `servers` instances run then, and no worker yet."""

    def __init__(
        self,
        folder: Path,
        redis_url: str,
        *,
        servers: int,
        delay: float = 0.0,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._redis_url = redis_url
        self._servers = servers
        self._delay = delay
        self._settings = dict(settings or {})
        self._fakes: subprocess.Popen[bytes] | None = None
        self.store = RedisStore(redis_url)
        self.port = 0
        self.workers: dict[int, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._fakes = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.couch", str(self._servers), str(self._delay)], stdout=subprocess.PIPE
        )
        assert self._fakes.stdout is not None
        ready, _, _ = select.select([self._fakes.stdout], [], [], PATIENCE)
        assert ready, "the fakes do not start"
        self.port = int(self._fakes.stdout.readline())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_workers()
        if self._fakes is not None:
            self._fakes.kill()
            self._fakes.wait(PATIENCE)
            assert self._fakes.stdout is not None
            self._fakes.stdout.close()
        self.store.close()

    # workers

    def start_workers(self, count: int, *, program: Sequence[str] = ("tests.fakes.worker",)) -> None:
        """Returns once all of them claim what is due. `program` is the module, and words before the folder."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("KANTO_")},
            **self._settings,
            "KANTO_REDIS_URL": self._redis_url,
            "KANTO_LOG_FORMAT": "text",
            "NO_COLOR": "1",
        }
        command = [sys.executable, "-m", *program, str(self._folder), str(self.port)]
        wanted = self.store.workers() + count
        for _ in range(count):
            with (self._folder / "workers.log").open("ab") as log:
                worker = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            self.workers[worker.pid] = worker
        self.wait(lambda: self.store.workers() >= wanted, "the workers to start")

    def kill(self, pid: int) -> float:
        """As a machine that dies does; when it was, on the monotonic clock."""
        worker = self.workers.pop(pid)
        worker.kill()
        worker.wait(PATIENCE)
        return time.monotonic()

    def stop_workers(self) -> None:
        for worker in self.workers.values():
            worker.send_signal(signal.SIGTERM)
        for worker in self.workers.values():
            try:
                worker.wait(30)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait(PATIENCE)
        self.workers.clear()

    # clusters

    def create(self, numbers: Iterable[int], *, replicas: int) -> list[str]:
        """As the api does: the job of each new cluster, and a wake-up."""
        wake_ups = WakeUps(self._redis_url)
        jobs = []
        for number in numbers:
            spec = build_spec(number, replicas=replicas)
            job = f"{number:032x}"
            submitted = self.store.submit(
                Submission(job, JobKind.CREATE, spec, f"hash of {spec.user}", None, 3600.0, 3600.0)
            )
            assert submitted.refusal is None, submitted.refusal
            wake_ups.send(spec.key)
            jobs.append(job)
        return jobs

    def wait_for(self, jobs: Sequence[str]) -> list[float]:
        """When each was seen to have ended, in order of the ends (monotonic seconds); all must have succeeded."""
        left, ends, after = set(jobs), [], "0-0"
        deadline = time.monotonic() + PATIENCE
        while left:
            assert time.monotonic() < deadline, f"{len(left)} jobs do not end, such as {min(left)}: {self.tail()}"
            for event in self.store.events(after, block=1.0):
                after = event.id
                if event.ended and event.job in left:
                    left.remove(event.job)
                    ends.append(time.monotonic())
        for job_id in jobs:
            job = self.store.job(job_id)
            assert job is not None
            assert job.status is JobStatus.SUCCEEDED, job
        return ends

    def wait(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s in vain for {what}: {self.tail()}"
            time.sleep(0.02)

    # what was seen

    def order(self, path: str, **fields: Any) -> Any:
        return order(self.port, path, **fields)

    def tail(self) -> str:
        log = self._folder / "workers.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log.exists() else ""

    def entries(self) -> list[Entry]:
        """All journals, in order of time."""
        return sorted((entry for path in self._folder.glob("*.journal") for entry in _read(path)), key=lambda e: e.at)

    def steps(self) -> list[Step]:
        """In order of their begin."""
        entries = self.entries()
        ends = {(e.worker, e.fence): e.at for e in entries if e.what == "ended"}
        return [
            Step(e.worker, e.key, e.fence, e.at, ends.get((e.worker, e.fence))) for e in entries if e.what == "begun"
        ]


def _read(path: Path) -> Iterator[Entry]:
    worker = int(path.stem.removeprefix("fake-"))
    for line in path.read_text().splitlines():
        what, at, key, fence = line.split(" ")
        yield Entry(worker, what, float(at), key, int(fence))


def key_text(number: int) -> str:
    spec = build_spec(number, replicas=1)
    return str(ClusterKey(spec.user, spec.tag))
