import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from api.threads import Threads
from api.waiters import REREAD_AT_ONCE, Waiters
from common.cluster import ClusterKey, ClusterSpec
from common.errors import NewerVersion, StoreUnavailable
from common.jobs import Job, JobKind, JobStatus
from common.store.port import ClusterRecord, Event, Submission
from tests.api.worker import Bell, FakeWorker
from tests.twins.store.store import MemoryStore

pytestmark = pytest.mark.anyio

LONG = 60.0


class TroubledStore(MemoryStore):
    """A store whose events can be lost, that can be away, and some of whose records a newer kanto may have written."""

    def __init__(self) -> None:
        super().__init__(time.time)
        self.loses_events = False
        self.is_away = False
        self.newer: set[str] = set()
        self.reads = 0
        self.rebuild(())

    def events(self, after: str, *, block: float) -> tuple[Event, ...]:
        self._answer()
        found = super().events(after, block=block)
        return () if self.loses_events else found

    def job(self, job_id: str) -> Job | None:
        self._answer()
        self.reads += 1
        if job_id in self.newer:
            raise NewerVersion("a newer kanto wrote it")
        return super().job(job_id)

    def cluster(self, key: ClusterKey) -> ClusterRecord | None:
        self._answer()
        if key.user in self.newer:
            raise NewerVersion("a newer kanto wrote it")
        return super().cluster(key)

    def _answer(self) -> None:
        if self.is_away:
            raise StoreUnavailable("away")


class World:
    def __init__(self, *, reread_every: float = 600.0) -> None:
        self.store = TroubledStore()
        self.threads = Threads(
            "t",
            count=4,
            start_within=LONG,
            in_trouble=LONG,
            late=lambda: StoreUnavailable("late"),
            clock=time.monotonic,
        )
        self.waiters = Waiters(self.store, self.threads, clock=time.monotonic, read_for=0.05, reread_every=reread_every)
        self.worker = FakeWorker(self.store, Bell())
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def submit(self, number: int = 0) -> str:
        """A new cluster and the id of its job."""
        spec = ClusterSpec(f"user{number}", "tag1", "i1", 1, ("test",), "admin", "line")
        job = self.store.submit(Submission(f"job{number}", JobKind.CREATE, spec, "hash", None, 600.0, 600.0)).job
        assert job is not None
        return job.id

    async def step(self, number: int = 0) -> None:
        """A worker's step, which ends the job and leaves a view."""
        await asyncio.to_thread(self.worker.step, ClusterKey(f"user{number}", "tag1"))

    async def ended(self, job: str, seconds: float = LONG) -> Job | None:
        return await self.waiters.ended(job, seconds=seconds, gone=self.gone)


@asynccontextmanager
async def world(*, reread_every: float = 600.0) -> AsyncIterator[World]:
    here = World(reread_every=reread_every)
    here.waiters.start()
    try:
        yield here
    finally:
        await here.waiters.stop()
        here.threads.close()


async def waiting(here: World, job: str, seconds: float = LONG) -> "asyncio.Task[Job | None]":
    """A task that has begun to wait."""
    task = asyncio.ensure_future(here.ended(job, seconds))
    before = here.store.reads
    with anyio.fail_after(LONG):
        while here.store.reads == before:  # noqa: ASYNC110 - the read is in another thread
            await asyncio.sleep(0.001)
    return task


async def test_tells_the_end_of_a_job() -> None:
    async with world() as here:
        task = await waiting(here, here.submit())
        await here.step()
        job = await task
        assert job is not None
        assert job.status is JobStatus.SUCCEEDED


async def test_a_job_that_ended_before_anyone_listened() -> None:
    async with world() as here:
        here.store.loses_events = True
        job_id = here.submit()
        await here.step()
        assert await here.ended(job_id) is not None


async def test_time_is_up() -> None:
    async with world() as here:
        assert await here.ended(here.submit(), seconds=0.01) is None
        assert here.waiters.count == 0


async def test_a_lost_event_is_made_up_for() -> None:
    async with world(reread_every=0.05) as here:
        here.store.loses_events = True
        task = await waiting(here, here.submit())
        await here.step()
        assert await task is not None


async def test_lost_events_of_many_are_made_up_for() -> None:
    count = 2 * REREAD_AT_ONCE + 1
    async with world(reread_every=0.05) as here:
        here.store.loses_events = True
        tasks = [await waiting(here, here.submit(number)) for number in range(count)]
        for number in range(count):
            await here.step(number)
        assert all(await asyncio.gather(*tasks))


async def test_a_store_that_is_away_delays_and_loses_nothing() -> None:
    async with world() as here:
        job_id = here.submit()
        task = await waiting(here, job_id)
        await here.step()
        here.store.is_away = True
        second = asyncio.ensure_future(here.ended(here.submit(1)))
        await anyio.wait_all_tasks_blocked()
        here.store.is_away = False
        await here.step(1)
        assert await task is not None
        assert await second is not None


async def test_a_job_that_only_a_newer_kanto_may_read_holds_up_no_other() -> None:
    async with world(reread_every=0.05) as here:
        here.store.loses_events = True
        passed_over = await waiting(here, here.submit(0))
        task = await waiting(here, here.submit(1), seconds=5.0)
        here.store.newer.add("job0")
        await here.step(1)
        assert await task is not None
        assert not passed_over.done()
        here.gone.set_result(None)
        await passed_over


async def test_a_cluster_that_only_a_newer_kanto_may_read_holds_up_no_other_look() -> None:
    async with world() as here:
        keys = [ClusterKey(f"user{number}", "tag1") for number in range(2)]
        for number in range(2):
            here.submit(number)
        since = here.store.now()
        with here.waiters.look(keys[0], since=since), here.waiters.look(keys[1], since=since) as look:
            here.store.newer.add(keys[0].user)
            here.store.loses_events = True
            for number in range(2):
                await here.step(number)
            here.store.loses_events = False  # both events are read at once
            assert await asyncio.wait_for(look, 5.0) is not None


async def test_one_who_hangs_up_does_not_wait_on() -> None:
    async with world() as here:
        task = await waiting(here, here.submit())
        here.gone.set_result(None)
        assert await task is None
        assert here.waiters.count == 0


async def test_all_are_let_go_at_once_and_nobody_waits_after() -> None:
    async with world() as here:
        tasks = [await waiting(here, here.submit(number)) for number in range(5)]
        await asyncio.to_thread(here.waiters.let_go)
        assert await asyncio.gather(*tasks) == [None] * 5
        assert await here.ended(here.submit(9)) is None
        with here.waiters.look(ClusterKey("user9", "tag1"), since=0.0) as look:
            assert await look is None


async def test_two_wait_for_one_job() -> None:
    async with world() as here:
        job_id = here.submit()
        tasks = [await waiting(here, job_id), await waiting(here, job_id)]
        await here.step()
        assert [job is not None for job in await asyncio.gather(*tasks)] == [True, True]


async def test_a_fresh_look_is_told() -> None:
    async with world() as here:
        here.submit()
        with here.waiters.look(ClusterKey("user0", "tag1"), since=here.store.now()) as look:
            await here.step()
            record = await asyncio.wait_for(look, LONG)
        assert record is not None
        assert record.view is not None
        assert here.waiters.count == 0


async def test_a_look_from_before_is_not_fresh() -> None:
    async with world() as here:
        here.submit()
        with here.waiters.look(ClusterKey("user0", "tag1"), since=here.store.now() + 3600) as look:
            await here.step()
            task = await waiting(here, here.submit(1))
            await here.step(1)
            await task  # its event came after the look's
            assert not look.done()


async def test_five_hundred_wait_on_one_reader() -> None:
    async with world() as here:
        jobs = [here.submit(number) for number in range(500)]
        before = threading.active_count()
        tasks = [asyncio.ensure_future(here.ended(job)) for job in jobs]
        with anyio.fail_after(LONG):
            while here.store.reads < 500:  # noqa: ASYNC110 - the reads are in other threads
                await asyncio.sleep(0.005)
        assert here.waiters.count == 500
        assert threading.active_count() <= before + 4
        for number in range(500):
            await here.step(number)
        ended = await asyncio.gather(*tasks)
        assert all(job is not None and job.status is JobStatus.SUCCEEDED for job in ended)
        assert here.waiters.count == 0
