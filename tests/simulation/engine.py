"""A kanto in memory: the real store rules, the real steps, servers that move when told, and a time of its own."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from common.cluster import ClusterKey, ClusterSpec
from common.jobs import Job, JobKind
from common.store.port import Lease, Submission
from common.view import ClusterView
from tests.twins.couch.adapter import MemoryCouch
from tests.twins.couch.world import Server, World
from tests.twins.platform import MemoryPlatform
from tests.twins.store.store import MemoryStore
from worker.core.memory import Policy
from worker.ports import Credentials, Platform
from worker.step import Engine, step

LEASE = 15.0
TICK = 0.05
"""Virtual seconds between two looks at what is due; everything in the servers moves once in each."""

P = ParamSpec("P")
T = TypeVar("T")


class Clock:
    """A time that moves when told."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class AtOnce(Executor):
    """Runs what it is given on the caller's thread, so that a history is the same each time."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Servers:
    """What runs in the platform's instances: servers of `world` that keep their data while they are down."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.kept: dict[str, Server] = {}

    def started(self, address: str, uuid: str, credentials: Credentials) -> None:
        server = self.kept.pop(uuid, None)
        if server is None:
            self._world.add(Server(address, uuid, {credentials.name: credentials.password}, lines={}))
            return
        server.address = address
        server.start()
        self._world.servers[address] = server

    def ended(self, address: str, *, has_data: bool) -> None:
        server = self._world.servers.pop(address, None)
        if server is not None and has_data:
            server.stop()
            self.kept[server.uuid] = server


@contextmanager
def unheld(_: Lease) -> Iterator[None]:
    """No heartbeat: in memory a step takes no time unless a test says so."""
    yield


class Kanto:
    """Users on one side, servers on the other, and workers that take turns."""

    def __init__(self, *, workers: int = 2) -> None:
        self.clock = Clock()
        self.world = World()
        self.store = MemoryStore(self.clock)
        self._servers = Servers(self.world)
        self.platform = MemoryPlatform(self._servers)
        self.workers = [self._build(f"w{n}", self.platform) for n in range(workers)]
        self.store.rebuild(())
        self._jobs = 0
        self._turn = 0

    def _build(self, owner: str, platform: Platform) -> Engine:
        return Engine(
            store=self.store,
            platform=platform,
            couch=MemoryCouch(self.world),
            clock=self.clock,
            executor=AtOnce(),
            policy=Policy(),
            owner=owner,
            lease_seconds=LEASE,
            holding=unheld,
            jitter=lambda: 0.5,
        )

    # what users do

    def submit(self, kind: JobKind, spec: ClusterSpec, **more: Any) -> str:
        """A request, as the api would store it; the job's id. The record must allow it."""
        self._jobs += 1
        found = self.store.cluster(spec.key)
        submission = Submission(
            job_id=f"job-{self._jobs}",
            kind=kind,
            spec=spec,
            owner_hash="$argon2id$",
            expected_version=None if kind is JobKind.CREATE or found is None else found.version,
            deadline=3600.0,
            progress_deadline=600.0,
            **more,
        )
        answer = self.store.submit(submission)
        assert answer.refusal is None, answer
        return submission.job_id

    def job(self, job_id: str) -> Job:
        found = self.store.job(job_id)
        assert found is not None
        return found

    def view(self, key: ClusterKey) -> ClusterView:
        record = self.store.cluster(key)
        assert record is not None
        assert record.view is not None
        return record.view

    def server(self, key: ClusterKey, ordinal: int) -> Server:
        name = self.view(key).instances[ordinal]
        return self.world.servers[name.url]

    # what time does

    def tick(self) -> None:
        """One moment: servers move, what is due is worked on by whichever worker's turn it is."""
        self.clock.now += TICK
        self.world.tick()
        engine = self.workers[self._turn % len(self.workers)]
        self._turn += 1
        for key in self.store.claim(engine.owner, limit=64, lease=LEASE).keys:
            step(engine, key)

    def until(self, what: str, is_so: Callable[[], bool], *, seconds: float = 120.0) -> None:
        end = self.clock.now + seconds
        while not is_so():
            assert self.clock.now < end, f"{seconds} virtual seconds passed without {what}"
            self.tick()

    def finish(self, job_id: str, *, seconds: float = 120.0) -> Job:
        self.until(f"the end of {job_id}", lambda: self.job(job_id).status.is_ended, seconds=seconds)
        return self.job(job_id)
