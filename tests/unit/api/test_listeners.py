import time
from collections.abc import Callable

import pytest

from api.listeners import Listeners, News
from common.cluster import ClusterKey, ClusterSpec
from common.jobs import JobKind, JobStatus
from common.store.port import JobLog, Lease, Outcome, Submission
from tests.twins.store.store import MemoryStore

pytestmark = pytest.mark.anyio

JOB = "job1"
KEY = ClusterKey("johny2", "tag1")


class CountingStore(MemoryStore):
    """A store with one job under way, that counts how often its changes are read."""

    def __init__(self) -> None:
        super().__init__(time.time)
        self.reads: list[int] = []
        self.rebuild(())
        spec = ClusterSpec(KEY.user, KEY.tag, "i1", 1, ("test",), "admin", "line")
        self.submit(Submission(JOB, JobKind.CREATE, spec, "hash", None, 600.0, 600.0))

    def changes(self, job_id: str, *, after: int) -> JobLog | None:
        self.reads.append(after)
        return super().changes(job_id, after=after)

    def lease(self) -> Lease:
        lease = self.acquire(KEY, "worker-1", ttl=60.0)
        assert lease is not None
        return lease


def at_once(hear: Callable[[], None]) -> None:
    hear()


async def test_a_change_is_read_once_and_heard_by_all() -> None:
    store, listeners = CountingStore(), Listeners(at_once)
    with listeners.listen(JOB) as one, listeners.listen(JOB) as other:
        store.lease()
        listeners.read(store, JOB)
        assert store.reads == [0]
        news = [ear.get_nowait() for ear in (one, other)]
        assert news[0] is news[1]
        assert isinstance(news[0], News)
        assert [change.revision for change in news[0].log.changes] == [1]


async def test_a_second_read_goes_on_behind_the_first_and_nothing_new_is_not_told() -> None:
    store, listeners = CountingStore(), Listeners(at_once)
    with listeners.listen(JOB) as ear:
        lease = store.lease()
        listeners.read(store, JOB)
        listeners.read(store, JOB)
        store.save(lease, Outcome(0.0, step="provision"))
        listeners.read(store, JOB)
        assert store.reads == [0, 1, 1]
        heard = [ear.get_nowait() for _ in range(ear.qsize())]
        assert [[c.revision for c in news.log.changes] for news in heard if news is not None] == [[1], [2]]


async def test_the_end_comes_with_the_cluster() -> None:
    store, listeners = CountingStore(), Listeners(at_once)
    with listeners.listen(JOB) as ear:
        store.release(store.lease(), Outcome(30.0, ended=JobStatus.SUCCEEDED))
        job = listeners.read(store, JOB)
        news = ear.get_nowait()
        assert job is not None
        assert news is not None
        assert (job.status, news.record is not None) == (JobStatus.SUCCEEDED, True)


async def test_a_job_that_is_not_kept_any_more_ends_the_listening() -> None:
    store, listeners = CountingStore(), Listeners(at_once)
    with listeners.listen("forgotten") as ear:
        assert listeners.read(store, "forgotten") is None
        assert ear.get_nowait() is None


async def test_nobody_is_kept_who_has_left() -> None:
    listeners = Listeners(at_once)
    with listeners.listen(JOB):
        with listeners.listen(JOB):
            assert (listeners.count, listeners.wanted()) == (2, [JOB])
        assert listeners.wanted([JOB, "another"]) == [JOB]
    assert (listeners.count, listeners.wanted(), listeners.wanted([JOB])) == (0, [], [])


async def test_whoever_comes_after_all_have_left_hears_from_the_beginning() -> None:
    store, listeners = CountingStore(), Listeners(at_once)
    store.lease()
    for _ in range(2):
        with listeners.listen(JOB):
            listeners.read(store, JOB)
    assert store.reads == [0, 0]


async def test_when_the_process_ends_all_are_let_go_and_nobody_begins() -> None:
    listeners = Listeners(at_once)
    with listeners.listen(JOB) as ear:
        listeners.release()
        assert ear.get_nowait() is None
    with listeners.listen(JOB) as late:
        assert late.get_nowait() is None
