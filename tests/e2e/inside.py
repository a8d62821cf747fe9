"""What only a test may look at: which worker holds a lease, which step a job is in, which process is an instance."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.e2e.service import PATIENCE, Service, User, wait_until

BETWEEN_LOOKS = 0.002
"""Seconds. The shortest steps take some hundredths."""


class Records:
    """A look into the Redis of a service whose workers are these processes."""

    def __init__(self, client: redis.Redis, workers: Callable[[], list[int]]) -> None:
        self.redis = client
        self._workers = workers

    def fence(self, user: User, tag: str) -> int:
        """The last fencing number of a cluster, 0 before the first."""
        return int(self._field(f"kanto:cluster:{user.name}/{tag}", "fence") or 0)

    def holder(self, user: User, tag: str) -> int | None:
        """The pid of the worker that holds the cluster's lease."""
        owner = self._field(f"kanto:cluster:{user.name}/{tag}", "lease_owner")
        return int(owner.rpartition("-")[2]) if owner else None

    def job(self, user: User, tag: str) -> str | None:
        """The id of the cluster's job that has not ended."""
        return self._field(f"kanto:cluster:{user.name}/{tag}", "job")

    def step(self, job_id: str) -> str:
        return self._field(f"kanto:job:{job_id}", "step") or ""

    def _field(self, key: str, name: str) -> str | None:
        found = self.redis.hget(key, name)
        assert found is None or isinstance(found, str)
        return found

    def kill_holder_in(self, user: User, tag: str, job_id: str, step: str, number: int = signal.SIGKILL) -> "Kill":
        """Send a signal to the worker that is just in this step of this job; never another one.

        The worker is held still first, so that what it is in the middle of stays true until it dies.
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            pid = self.holder(user, tag) if self.is_in(job_id, step) else None
            if pid is None or pid not in self._workers():
                time.sleep(BETWEEN_LOOKS)
                continue
            with self.held_still(pid, goes_on=number != signal.SIGSTOP):
                if self.holder(user, tag) == pid and self.is_in(job_id, step):
                    os.kill(pid, number)
                    return Kill(pid, self.fence(user, tag), time.monotonic())
        raise AssertionError(f"no worker was seen in {step!r} within {PATIENCE:.0f} s")

    def is_in(self, job_id: str, *steps: str) -> bool:
        """Whether the job is in one of these steps; AssertionError when it has ended and so never will be."""
        if self.step(job_id).startswith(steps):
            return True
        status = self._field(f"kanto:job:{job_id}", "status")
        assert status in ("queued", "running"), f"the job has ended ({status}) and was never seen in {steps}"
        return False

    def wait_for(self, job_id: str, *steps: str) -> None:
        """Until the job is in one of these steps. Some are short."""
        deadline = time.monotonic() + PATIENCE
        while not self.is_in(job_id, *steps):
            assert time.monotonic() < deadline, f"the job was not in {steps} within {PATIENCE:.0f} s"
            time.sleep(BETWEEN_LOOKS)

    def taken_over(self, user: User, tag: str, kill: "Kill") -> float:
        """The seconds from a kill until another worker has the cluster."""
        wait_until("another worker to go on", lambda: self.fence(user, tag) > kill.fence)
        return time.monotonic() - kill.at

    @contextmanager
    def held_still(self, pid: int, *, goes_on: bool = True) -> Iterator[None]:
        """A process that keeps its sockets and does nothing, as on a machine that hangs; `goes_on` afterwards."""
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                if goes_on:
                    os.kill(pid, signal.SIGCONT)


class Inside(Records):
    """A look into one running service. It acts on processes of that service only, by their pid.

    `worker`: what the command line of its workers holds.
    """

    def __init__(self, service: Service, *, worker: str = "-m worker") -> None:
        self._service = service
        folder = service.home / "redis"
        client = redis.Redis(
            host="127.0.0.1",
            port=int((folder / "port").read_text()),
            password=(folder / "password").read_text().strip(),
            socket_timeout=10,
            socket_connect_timeout=10,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            decode_responses=True,
        )
        super().__init__(service.clients.enter_context(client), lambda: service.processes(worker))

    def folder(self, name: str) -> Path:
        """The folder of an instance."""
        cluster, _, ordinal = name.rpartition("-")
        return self._service.home / "clusters" / cluster / "instances" / ordinal

    def pid(self, name: str) -> int:
        """Of an instance's server."""
        return _pid(self.folder(name))

    def balancer(self, name: str) -> int:
        """The pid of the balancer of an instance's cluster."""
        return _pid(self.folder(name).parent.parent / "balancer")


class Kill:
    """A worker that was killed: under which fencing number it was at work, and when on the monotonic clock."""

    def __init__(self, pid: int, fence: int, at: float) -> None:
        self.pid = pid
        self.fence = fence
        self.at = at


def _pid(folder: Path) -> int:
    return int(json.loads((folder / "process.json").read_text())["pid"])


def seconds_until(what: str, look: Callable[[], object], *, seconds: float = PATIENCE) -> float:
    """How long it took for `look` to be true; told to whoever reads the output of the tests."""
    began = time.monotonic()
    wait_until(what, look, seconds=seconds)
    took = time.monotonic() - began
    print(f"{what}: {took:.1f} s")
    return took
