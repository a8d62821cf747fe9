"""What a step leaves behind: save and release."""

from dataclasses import replace

from common.cluster import Durable
from common.jobs import JobStatus, Progress
from common.store.port import Outcome, Store
from common.view import Reason
from tests.contract.store.bench import Bench
from tests.contract.store.requests import (
    KEY,
    TTL,
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

DURABLE = Durable(leavers=("i-2",), filled=("u-0", "u-1"), ever_filled=True)
WHOLE = Outcome(
    5.0,
    memory="remembered",
    durable=DURABLE,
    view=VIEW,
    step="draining",
    progress=Progress(1, 3, ("cdb-x-0: full",)),
    reasons=(Reason("waits", "a link waits", "cdb-x-0"),),
)


def test_all_parts_of_an_outcome_are_kept(store: Store) -> None:
    accepted(store, creation())
    store.save(leased(store), WHOLE)
    record, job = record_of(store), job_of(store, "job-create")
    assert (record.memory, record.durable, record.view) == ("remembered", DURABLE, VIEW)
    assert (job.step, job.progress, job.reasons) == (WHOLE.step, WHOLE.progress, WHOLE.reasons)


def test_what_an_outcome_leaves_out_stays(store: Store) -> None:
    accepted(store, creation())
    lease = leased(store)
    store.save(lease, WHOLE)
    before = (record_of(store), job_of(store, "job-create"))
    store.release(lease, Outcome(5.0))
    assert (record_of(store), job_of(store, "job-create")) == before


def test_empty_is_not_left_out(store: Store) -> None:
    accepted(store, creation())
    lease = leased(store)
    store.save(lease, WHOLE)
    empty = Outcome(0.0, memory="", durable=Durable(), step="", progress=Progress(), reasons=())
    store.save(lease, empty)
    record, job = record_of(store), job_of(store, "job-create")
    assert (record.memory, record.durable) == ("", Durable())
    assert (job.step, job.progress, job.reasons) == ("", Progress(), ())


def test_save_keeps_the_lease_and_the_due_time_and_ends_nothing(bench: Bench) -> None:
    accepted(bench.store, creation())
    lease = leased(bench.store)
    outcome = replace(WHOLE, due_in=0.0, ended=JobStatus.SUCCEEDED, gone=True)
    bench.store.save(lease, outcome)
    bench.store.check(lease)
    assert due(bench.store) == ()
    assert job_of(bench.store, "job-create").status is JobStatus.RUNNING
    assert not record_of(bench.store).gone


def test_under_a_changed_spec_what_was_seen_is_kept_and_what_was_decided_is_not(store: Store) -> None:
    accepted(store, creation())
    lease = leased(store)
    accepted(store, deletion(record_of(store)))
    store.release(lease, replace(WHOLE, due_in=1000.0, ended=JobStatus.SUCCEEDED, gone=True))
    record = record_of(store)
    assert (record.memory, record.view) == ("remembered", VIEW)
    assert (record.durable, record.gone, record.job) == (Durable(), False, "job-delete")
    assert job_of(store, "job-delete").step == ""
    assert due(store) == (KEY,)


def test_a_save_under_a_changed_spec_says_nothing_of_the_new_job(store: Store) -> None:
    before = settled(store)
    lease = leased(store)
    accepted(store, scaling(before, 5))
    store.save(lease, replace(WHOLE, progressed=True))
    job = job_of(store, "job-scale")
    assert (job.step, job.progress, job.reasons) == ("", Progress(), ())
    assert record_of(store).durable == Durable()


def test_a_lease_without_a_job_says_nothing_of_one(store: Store) -> None:
    settled(store)
    lease = leased(store)
    assert lease.job is None
    store.release(lease, replace(WHOLE, ended=JobStatus.FAILED))
    assert job_of(store, "job-create").status is JobStatus.SUCCEEDED
    assert job_of(store, "job-create").step == ""


def test_a_step_is_followed_by_another_after_a_submit(store: Store) -> None:
    before = settled(store)
    lease = leased(store)
    accepted(store, scaling(before, 5))
    store.release(lease, Outcome(1000.0))
    assert store.claim("worker-1", limit=1, lease=TTL).keys == (KEY,)
