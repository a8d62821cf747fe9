"""Jobs: exactly one end each, deadlines, what an end brings back, and how long they are kept."""

import time
from dataclasses import replace

import pytest

from common.cluster import ClusterKey, ClusterSpec
from common.errors import LeaseLost
from common.jobs import JobError, JobStatus, Progress
from common.store.port import ClusterRecord, JobMark, Outcome, Store
from common.store.redis import RedisStore
from common.store.rules import JOBS_PER_USER
from common.view import Reason
from tests.contract.store.bench import START, Bench, MakeBench
from tests.contract.store.requests import (
    HASH,
    KEY,
    VIEW,
    accepted,
    creation,
    deletion,
    due,
    job_of,
    leased,
    record_of,
    scaling,
    settled,
)
from tests.servers import PATIENCE
from tests.twins.store.store import MemoryStore

ERROR = JobError("job_failed", "an image is missing", "Correct its name")


def shrinking(store: Store) -> ClusterRecord:
    """A cluster of three with a running scale down to one; the record before."""
    before = settled(store)
    accepted(store, scaling(before, 1))
    return before


def assert_restored(store: Store, former: ClusterSpec) -> None:
    record = record_of(store)
    assert (record.spec, record.job) == (former, None)
    assert record.version > job_of(store, "job-scale").version
    assert due(store) == (KEY,)


def test_an_unknown_job_is_none(store: Store) -> None:
    assert store.job("nothing") is None


def test_a_success_has_the_view_as_its_result(bench: Bench) -> None:
    accepted(bench.store, creation())
    lease = leased(bench.store)
    bench.elapse(3)
    bench.store.release(lease, Outcome(30.0, view=VIEW, step="done", ended=JobStatus.SUCCEEDED))
    job = job_of(bench.store, "job-create")
    assert (job.status, job.result, job.error, job.ended_at) == (JobStatus.SUCCEEDED, VIEW, None, START + 3)
    assert job.step == "done"
    assert record_of(bench.store).job is None


def test_a_success_without_a_new_view_has_the_stored_one(store: Store) -> None:
    accepted(store, creation())
    lease = leased(store)
    store.save(lease, Outcome(0.0, view=VIEW))
    store.release(lease, Outcome(30.0, ended=JobStatus.SUCCEEDED))
    assert job_of(store, "job-create").result == VIEW


def test_a_failure_says_why_and_has_no_result(store: Store) -> None:
    accepted(store, creation())
    store.release(leased(store), Outcome(30.0, view=VIEW, ended=JobStatus.FAILED, error=ERROR))
    job = job_of(store, "job-create")
    assert (job.status, job.result, job.error) == (JobStatus.FAILED, None, ERROR)


def test_a_failed_create_keeps_its_spec(store: Store) -> None:
    job = accepted(store, creation())
    store.release(leased(store), Outcome(30.0, ended=JobStatus.FAILED, error=ERROR))
    assert record_of(store).version == job.version
    assert due(store) == ()


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELED])
def test_a_scale_down_without_success_brings_the_former_spec_back(store: Store, status: JobStatus) -> None:
    before = shrinking(store)
    store.release(leased(store), Outcome(30.0, ended=status, error=ERROR))
    assert job_of(store, "job-scale").status is status
    assert_restored(store, before.spec)


def test_a_delete_that_may_be_undone_is_undone_when_it_is_canceled(store: Store) -> None:
    before = settled(store)
    accepted(store, deletion(before, "job-scale", restore=before.spec))
    store.release(leased(store), Outcome(30.0, ended=JobStatus.CANCELED))
    assert_restored(store, before.spec)
    accepted(store, scaling(record_of(store), 5, "job-3"))


def test_a_scale_down_with_success_brings_nothing_back(store: Store) -> None:
    shrinking(store)
    store.release(leased(store), Outcome(30.0, ended=JobStatus.SUCCEEDED))
    assert record_of(store).spec.replicas == 1
    assert due(store) == ()


def test_a_job_cannot_end_unended(store: Store) -> None:
    accepted(store, creation())
    with pytest.raises(ValueError, match="running"):
        store.release(leased(store), Outcome(1.0, ended=JobStatus.RUNNING))


def test_a_claim_ends_a_job_at_its_deadline(bench: Bench) -> None:
    accepted(bench.store, creation(deadline=100.0, progress_deadline=5000.0))
    bench.store.release(leased(bench.store), Outcome(30.0))
    bench.elapse(99.999)
    due(bench.store)
    assert record_of(bench.store).job == "job-create"
    bench.elapse(0.001)
    due(bench.store)
    assert record_of(bench.store).job is None
    bench.elapse(50)
    job = job_of(bench.store, "job-create")
    assert (job.status, job.ended_at) == (JobStatus.FAILED, START + 100)
    assert job.error is not None
    assert job.error.code == "deadline"
    assert "was not done by its deadline" in job.error.message


def test_a_job_is_ended_on_reading_too(bench: Bench) -> None:
    accepted(bench.store, creation(deadline=100.0))
    bench.elapse(100)
    assert job_of(bench.store, "job-create").status is JobStatus.FAILED
    assert [job.status for job in bench.store.jobs(KEY.user)] == [JobStatus.FAILED]
    assert record_of(bench.store).job is None


def test_a_late_job_is_ended_before_its_cluster_is_handed_out(bench: Bench) -> None:
    before = shrinking(bench.store)
    bench.elapse(600)
    lease = leased(bench.store)
    assert lease.job is None
    assert (lease.record.spec, lease.record.job) == (before.spec, None)


def test_the_list_of_jobs_ends_late_ones_too(bench: Bench) -> None:
    accepted(bench.store, creation(deadline=100.0))
    bench.elapse(100)
    assert [job.status for job in bench.store.jobs(KEY.user)] == [JobStatus.FAILED]


def test_a_deadline_tells_what_the_job_waited_for(bench: Bench) -> None:
    accepted(bench.store, creation(progress_deadline=100.0))
    reasons = (Reason("image", "cdb-x-1 waits for its image"), Reason("disk", "cdb-x-2 waits for a volume"))
    bench.store.release(leased(bench.store), Outcome(30.0, step="waiting", reasons=reasons))
    bench.elapse(100)
    error = job_of(bench.store, "job-create").error
    assert error is not None
    assert "made no progress" in error.message
    assert "cdb-x-1 waits for its image; cdb-x-2 waits for a volume" in error.message


def test_a_deadline_tells_the_last_step_where_there_is_no_reason(bench: Bench) -> None:
    accepted(bench.store, creation(progress_deadline=100.0))
    bench.store.save(leased(bench.store), Outcome(0.0, step="making instances"))
    bench.elapse(100)
    error = job_of(bench.store, "job-create").error
    assert error is not None
    assert "making instances" in error.message


def test_a_deadline_tells_that_no_worker_has_begun(bench: Bench) -> None:
    accepted(bench.store, creation(progress_deadline=100.0))
    bench.elapse(100)
    error = job_of(bench.store, "job-create").error
    assert error is not None
    assert "no worker has begun it" in error.message


def test_progress_moves_the_deadline_of_progress_and_no_other(bench: Bench) -> None:
    accepted(bench.store, creation(deadline=1000.0, progress_deadline=100.0))
    lease = leased(bench.store)
    bench.elapse(90)
    bench.store.save(lease, Outcome(0.0, progress=Progress(1, 3), progressed=True, progress_window=200.0))
    job = job_of(bench.store, "job-create")
    assert (job.deadline_at, job.progress_deadline_at) == (START + 1000, START + 290)
    bench.elapse(199)
    assert job_of(bench.store, "job-create").status is JobStatus.RUNNING
    bench.elapse(1)
    assert job_of(bench.store, "job-create").status is JobStatus.FAILED


def test_progress_may_bring_its_deadline_nearer(bench: Bench) -> None:
    accepted(bench.store, creation(progress_deadline=500.0))
    bench.store.release(leased(bench.store), Outcome(0.0, progressed=True, progress_window=100.0))
    bench.elapse(100)
    due(bench.store)
    assert record_of(bench.store).job is None


def test_a_word_without_progress_moves_no_deadline(bench: Bench) -> None:
    accepted(bench.store, creation(progress_deadline=100.0))
    lease = leased(bench.store)
    bench.elapse(90)
    bench.store.save(lease, Outcome(0.0, step="still waiting", progress=Progress(0, 3)))
    assert job_of(bench.store, "job-create").progress_deadline_at == START + 100


def test_progress_never_moves_the_last_deadline(bench: Bench) -> None:
    accepted(bench.store, creation(deadline=100.0, progress_deadline=50.0))
    bench.store.save(leased(bench.store), Outcome(0.0, progressed=True, progress_window=5000.0))
    bench.elapse(100)
    assert job_of(bench.store, "job-create").status is JobStatus.FAILED


@pytest.mark.parametrize("look", ["claim", "job", "submit"])
def test_a_scale_down_at_its_deadline_brings_the_former_spec_back(bench: Bench, look: str) -> None:
    before = shrinking(bench.store)
    bench.store.release(leased(bench.store), Outcome(3000.0))
    bench.elapse(600)
    if look == "claim":
        bench.store.claim("worker-1", limit=0, lease=1.0)
    elif look == "job":
        bench.store.job("job-scale")
    else:
        bench.store.submit(scaling(before, 2, "job-3"))
    assert_restored(bench.store, before.spec)


def test_a_deadline_changes_the_spec_under_a_running_step(bench: Bench) -> None:
    before = shrinking(bench.store)
    lease = leased(bench.store, ttl=1000)
    bench.elapse(600)
    due(bench.store)
    with pytest.raises(LeaseLost):
        bench.store.check(lease)
    bench.store.release(lease, Outcome(1000.0, ended=JobStatus.SUCCEEDED))
    assert job_of(bench.store, "job-scale").status is JobStatus.FAILED
    assert_restored(bench.store, before.spec)


def test_a_delete_at_its_deadline_leaves_the_cluster_deleted(bench: Bench) -> None:
    accepted(bench.store, deletion(settled(bench.store)))
    bench.elapse(600)
    due(bench.store)
    job = job_of(bench.store, "job-delete")
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert "goes on removing" in job.error.detail
    record = record_of(bench.store)
    assert (record.spec.deleted, record.job, record.version) == (True, None, job.version)


def test_removal_may_end_after_its_job_did(bench: Bench) -> None:
    accepted(bench.store, deletion(settled(bench.store)))
    lease = leased(bench.store, ttl=1000)
    bench.elapse(600)
    due(bench.store)
    bench.store.release(lease, Outcome(60.0, ended=JobStatus.SUCCEEDED, gone=True))
    assert job_of(bench.store, "job-delete").status is JobStatus.FAILED
    assert bench.store.cluster(KEY) is None


def test_a_job_that_ended_does_not_end_again(bench: Bench) -> None:
    settled(bench.store)
    ended = job_of(bench.store, "job-create")
    bench.elapse(1)
    bench.store.release(leased(bench.store), Outcome(30.0, ended=JobStatus.FAILED, error=ERROR))
    bench.elapse(3000)
    due(bench.store)
    assert job_of(bench.store, "job-create") == ended


def test_the_newest_jobs_come_first(bench: Bench) -> None:
    settled(bench.store)
    bench.elapse(1)
    accepted(bench.store, scaling(record_of(bench.store), 5))
    bench.elapse(1)
    accepted(bench.store, creation("job-other", ClusterKey(KEY.user, "another-one")))
    accepted(bench.store, creation("job-ann", ClusterKey("ann", "another-one"), owner_hash="x"))
    assert [job.id for job in bench.store.jobs(KEY.user)] == ["job-other", "job-scale", "job-create"]
    assert [job.id for job in bench.store.jobs(KEY.user, limit=2)] == ["job-other", "job-scale"]
    assert bench.store.jobs("nobody") == ()


def test_ended_jobs_beyond_the_newest_thousand_are_forgotten(bench: Bench) -> None:
    running = accepted(
        bench.store, creation("running", ClusterKey(KEY.user, "running"), deadline=9e6, progress_deadline=9e6)
    )
    record = settled(bench.store)
    for number in range(JOBS_PER_USER):
        bench.elapse(0.01)
        accepted(bench.store, scaling(record, 3 + number % 2, f"job-{number:04}"))
        bench.store.release(leased(bench.store), Outcome(30.0, ended=JobStatus.SUCCEEDED))
        record = record_of(bench.store)
    kept = bench.store.jobs(KEY.user, limit=2 * JOBS_PER_USER)
    assert kept[-1] == running
    assert [job.id for job in kept[:2]] == ["job-0999", "job-0998"]
    assert len(kept) <= JOBS_PER_USER + 1
    assert bench.store.job("job-create") is None


def test_an_ended_job_is_kept_for_its_time_and_an_unended_one_longer(make_bench: MakeBench) -> None:
    """Redis expires keys by its own clock, so time is not the bench's here: a real wait, on a condition."""
    bench = make_bench(keep_jobs=0.2)
    bench.store.rebuild(())
    accepted(bench.store, creation("running", ClusterKey(KEY.user, "running")))
    settled(bench.store)
    deadline = time.monotonic() + PATIENCE
    while bench.store.job("job-create") is not None:
        assert time.monotonic() < deadline
        bench.elapse(0.1)
        time.sleep(0.05)
    assert bench.store.job("running") is not None
    assert accepted(bench.store, creation("running", ClusterKey(KEY.user, "running"))).id == "running"
    assert "job-create" not in [job.id for job in bench.store.jobs(KEY.user)]


def test_the_defaults_keep_jobs_for_a_week() -> None:
    week = 7 * 24 * 3600.0
    for kind in (MemoryStore, RedisStore):
        assert (kind.__init__.__kwdefaults__ or {})["keep_jobs"] == week


def test_what_is_kept_of_a_job_does_not_hold_its_owners_hash(store: Store) -> None:
    job = accepted(store, creation())
    assert HASH not in repr(replace(job))


def many(bench: Bench, count: int) -> list[str]:
    """Ids of so many ended jobs, newest first; two of each millisecond, every third a failure."""
    settled(bench.store)
    bench.elapse(1)
    ids = ["job-create"]
    for number in range(count):
        bench.elapse(0.001 * (number % 2))
        ids.append(accepted(bench.store, scaling(record_of(bench.store), 3 + number % 2, f"job-{number:03}")).id)
        status = JobStatus.FAILED if number % 3 == 0 else JobStatus.SUCCEEDED
        bench.store.release(leased(bench.store), Outcome(30.0, ended=status))
    return ids[::-1]


def test_pages_hold_each_job_once(bench: Bench) -> None:
    ids = many(bench, 20)
    found: list[str] = []
    after: JobMark | None = None
    while page := bench.store.jobs(KEY.user, limit=3, after=after):
        found += [job.id for job in page]
        after = JobMark(page[-1].created_at, page[-1].id)
        bench.elapse(0.001)  # what comes meanwhile changes nothing
        accepted(bench.store, scaling(record_of(bench.store), 3 + len(found) % 2, f"later-{len(found)}"))
        bench.store.release(leased(bench.store), Outcome(30.0, ended=JobStatus.SUCCEEDED))
    assert found == ids


def test_a_page_begins_after_a_job_that_is_not_kept_any_more(bench: Bench) -> None:
    accepted(bench.store, creation())
    job = job_of(bench.store, "job-create")
    assert bench.store.jobs(KEY.user, after=JobMark(job.created_at, "job-d")) == (job,)
    assert bench.store.jobs(KEY.user, after=JobMark(job.created_at, "job-b")) == ()


def test_jobs_of_some_statuses(bench: Bench) -> None:
    ids = many(bench, 7)
    failed = [job.id for job in bench.store.jobs(KEY.user, statuses={JobStatus.FAILED})]
    assert failed == ["job-006", "job-003", "job-000"]
    ended = bench.store.jobs(KEY.user, statuses={JobStatus.FAILED, JobStatus.SUCCEEDED}, limit=4)
    assert [job.id for job in ended] == ids[:4]


def test_jobs_of_one_cluster(store: Store) -> None:
    settled(store)
    settled(store, "job-other", ClusterKey(KEY.user, "other"))
    assert [job.id for job in store.jobs(KEY.user, tag="other")] == ["job-other"]
    assert store.jobs(KEY.user, tag="none") == ()
