"""The changes of a job, for those who listen: each is numbered, and a gap is told."""

from common.jobs import JobChange, JobStatus, Progress
from common.store.port import JobLog, Outcome, Store
from common.store.rules import CHANGES, KEEP_CHANGES
from common.view import Reason
from tests.contract.store.bench import START, Bench, MakeBench
from tests.contract.store.requests import KEY, VIEW, accepted, creation, job_of, leased, scaling, settled

REASON = Reason("starting", "an instance starts")


def log_of(store: Store, after: int = 0, job_id: str = "job-create") -> JobLog:
    log = store.changes(job_id, after=after)
    assert log is not None
    return log


def test_no_job_has_no_changes(store: Store) -> None:
    assert store.changes("nothing", after=0) is None


def test_a_new_job_has_none_yet(store: Store) -> None:
    job = accepted(store, creation())
    assert log_of(store) == JobLog(job, (), is_whole=True)


def test_each_change_is_told_once_and_numbered(bench: Bench) -> None:
    store = bench.store
    accepted(store, creation())
    lease = leased(store)
    bench.elapse(1)
    store.save(lease, Outcome(0.0, step="provision", progress=Progress(0, 3), reasons=(REASON,)))
    bench.elapse(1)
    store.save(lease, Outcome(0.0, step="provision", progress=Progress(0, 3), reasons=(REASON,)))
    store.release(lease, Outcome(30.0, view=VIEW, progress=Progress(3, 3), reasons=(), ended=JobStatus.SUCCEEDED))
    log = log_of(store)
    assert log.is_whole
    assert log.changes == (
        JobChange(1, START, JobStatus.RUNNING, "", Progress(), ()),
        JobChange(2, START + 1, JobStatus.RUNNING, "provision", Progress(0, 3), (REASON,)),
        JobChange(3, START + 2, JobStatus.RUNNING, "provision", Progress(3, 3), ()),
        JobChange(4, START + 2, JobStatus.SUCCEEDED, "provision", Progress(3, 3), ()),
    )
    assert log.job == job_of(store, "job-create")
    assert log.job.revision == 4


def test_one_goes_on_from_where_one_was(store: Store) -> None:
    accepted(store, creation())
    store.release(leased(store), Outcome(0.0, step="provision"))
    assert [change.revision for change in log_of(store, 1).changes] == [2]
    assert log_of(store, 2) == JobLog(job_of(store, "job-create"), (), is_whole=True)


def test_a_revision_that_never_was_is_not_whole(store: Store) -> None:
    accepted(store, creation())
    assert not log_of(store, 7).is_whole


def test_a_look_at_nothing_new_is_no_change(store: Store) -> None:
    accepted(store, creation())
    store.release(leased(store), Outcome(0.0, step="", progress=Progress(), reasons=(), view=VIEW))
    assert job_of(store, "job-create").revision == 1


def test_whoever_is_too_late_is_told_that_some_are_missing(store: Store) -> None:
    accepted(store, creation())
    lease = leased(store)
    for number in range(CHANGES):
        store.save(lease, Outcome(0.0, step=f"step {number}"))
    assert not log_of(store, 0).is_whole
    log = log_of(store, 1)
    assert log.is_whole
    assert len(log.changes) == CHANGES


def test_the_ends_that_no_worker_brings_are_changes_too(bench: Bench) -> None:
    store = bench.store
    before = settled(store)
    accepted(store, scaling(before, 5, "job-canceled"))
    store.cancel(KEY.user, "job-canceled")
    assert [change.status for change in log_of(store, 0, "job-canceled").changes] == [JobStatus.CANCELED]
    record = store.cluster(KEY)
    assert record is not None
    accepted(store, scaling(record, 5, "job-late", deadline=10.0))
    bench.elapse(10)
    assert [change.status for change in log_of(store, 0, "job-late").changes] == [JobStatus.FAILED]


def test_changes_go_an_hour_after_the_end_and_the_job_stays(make_bench: MakeBench) -> None:
    bench = make_bench(keep_jobs=10 * KEEP_CHANGES)
    bench.store.rebuild(())
    settled(bench.store)
    bench.elapse(KEEP_CHANGES - 0.001)
    assert log_of(bench.store).is_whole
    bench.elapse(0.001)
    log = log_of(bench.store)
    assert (log.is_whole, log.changes, log.job.status) == (False, (), JobStatus.SUCCEEDED)
