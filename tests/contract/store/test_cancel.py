"""Cancel: one end, the spec of before in the same transaction, and nothing of it once there is no way back."""

from dataclasses import replace

import pytest

from common.cluster import Durable
from common.errors import LeaseLost
from common.jobs import Job, JobStatus
from common.store.port import Outcome, Refusal, Store
from tests.contract.store.bench import START, Bench
from tests.contract.store.requests import (
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
from tests.contract.store.test_concurrency import at_once

USER = KEY.user


def canceled(store: Store, job_id: str) -> Job:
    answer = store.cancel(USER, job_id)
    assert answer.refusal is None
    assert answer.job is not None
    return answer.job


@pytest.mark.parametrize("replicas", [1, 5])
def test_the_former_spec_comes_back_with_the_end_of_the_job(bench: Bench, replicas: int) -> None:
    before = settled(bench.store)
    running = accepted(bench.store, scaling(before, replicas))
    bench.elapse(2)
    job = canceled(bench.store, "job-scale")
    assert job == job_of(bench.store, "job-scale")
    assert (job.status, job.ended_at, job.result) == (JobStatus.CANCELED, START + 2, None)
    assert job.error is not None
    assert job.error.code == "canceled"
    record = record_of(bench.store)
    assert (record.spec, record.job) == (before.spec, None)
    assert record.version > running.version
    assert due(bench.store) == (KEY,)


def test_a_canceled_create_leaves_a_cluster_that_is_to_be_removed(store: Store) -> None:
    accepted(store, creation())
    canceled(store, "job-create")
    assert record_of(store).spec == replace(creation().spec, deleted=True)
    assert store.submit(creation("job-2")).refusal is Refusal.EXISTS
    lease = leased(store)
    assert lease.job is None
    store.release(lease, Outcome(0.0, gone=True))
    accepted(store, creation("job-3"))


def test_the_end_is_told_to_those_who_wait(store: Store) -> None:
    accepted(store, creation())
    mark = store.newest_event()
    canceled(store, "job-create")
    (event,) = store.events(mark, block=0.0)
    assert (event.key, event.job, event.ended) == (KEY, "job-create", True)


def test_a_canceled_job_makes_room_for_another(store: Store) -> None:
    before = settled(store)
    accepted(store, scaling(before, 1))
    canceled(store, "job-scale")
    accepted(store, scaling(record_of(store), 2, "job-2"))


def test_a_stranger_has_no_such_job(store: Store) -> None:
    accepted(store, creation())
    for user, job_id in (("ann", "job-create"), (USER, "nothing"), ("", "")):
        answer = store.cancel(user, job_id)
        assert (answer.job, answer.refusal) == (None, Refusal.MISSING)
    assert job_of(store, "job-create").status is JobStatus.QUEUED


def test_a_job_that_has_ended_is_left_as_it_ended(store: Store) -> None:
    settled(store)
    version = record_of(store).version
    answer = store.cancel(USER, "job-create")
    assert answer.refusal is Refusal.ENDED
    assert answer.job == job_of(store, "job-create")
    assert record_of(store).version == version


def test_a_second_cancel_changes_nothing(store: Store) -> None:
    before = settled(store)
    accepted(store, scaling(before, 1))
    canceled(store, "job-scale")
    version = record_of(store).version
    answer = store.cancel(USER, "job-scale")
    assert answer.refusal is Refusal.ENDED
    assert answer.job is not None
    assert answer.job.status is JobStatus.CANCELED
    assert record_of(store).version == version


def test_one_of_many_cancels_takes_place(store: Store) -> None:
    before = settled(store)
    accepted(store, scaling(before, 1))
    answers = at_once(lambda _: store.cancel(USER, "job-scale").refusal)
    assert set(answers) == {None, Refusal.ENDED}
    ends = [event for event in store.events("0", block=0.0) if event.ended and event.job == "job-scale"]
    assert len(ends) == 1


def test_a_job_past_its_deadline_has_failed_before_it_can_be_canceled(bench: Bench) -> None:
    accepted(bench.store, creation(deadline=10.0))
    bench.elapse(10)
    answer = bench.store.cancel(USER, "job-create")
    assert answer.refusal is Refusal.ENDED
    assert answer.job is not None
    assert answer.job.status is JobStatus.FAILED


def test_a_step_that_is_under_way_hears_of_it(store: Store) -> None:
    """It may write what it saw; it ends nothing, and its next look at the lease stops it."""
    before = settled(store)
    accepted(store, scaling(before, 1))
    lease = leased(store)
    store.check(lease)
    canceled(store, "job-scale")
    with pytest.raises(LeaseLost, match="changed"):
        store.check(lease)
    late = Outcome(30.0, memory="late", durable=Durable(leavers=("i-1",)), view=VIEW, ended=JobStatus.SUCCEEDED)
    store.release(lease, late)
    assert job_of(store, "job-scale").status is JobStatus.CANCELED
    record = record_of(store)
    assert (record.spec, record.durable, record.memory) == (before.spec, Durable(), "late")
    assert due(store) == (KEY,)


def test_the_end_that_comes_first_counts(store: Store) -> None:
    before = settled(store)
    accepted(store, scaling(before, 1))
    store.release(leased(store), Outcome(30.0, view=VIEW, ended=JobStatus.SUCCEEDED))
    assert store.cancel(USER, "job-scale").refusal is Refusal.ENDED
    assert record_of(store).spec.replicas == 1


def test_a_delete_can_be_canceled_until_it_is_sealed(store: Store) -> None:
    before = settled(store)
    accepted(store, deletion(before))
    canceled(store, "job-delete")
    assert record_of(store).spec == before.spec
    accepted(store, deletion(record_of(store), "job-2"))
    lease = leased(store)
    store.save(lease, Outcome(0.0, seals=True))
    store.check(lease)
    answer = store.cancel(USER, "job-2")
    assert answer.refusal is Refusal.SEALED
    assert answer.job == job_of(store, "job-2")
    assert record_of(store).spec.deleted


def test_a_seal_that_comes_after_the_cancel_is_void(store: Store) -> None:
    before = settled(store)
    accepted(store, deletion(before))
    lease = leased(store)
    canceled(store, "job-delete")
    store.save(lease, Outcome(0.0, seals=True))
    with pytest.raises(LeaseLost):
        store.check(lease)
    assert record_of(store).spec == before.spec
    accepted(store, deletion(record_of(store), "job-2"))
    canceled(store, "job-2")


def test_a_canceled_delete_brings_back_what_the_scale_down_that_it_ended_would_have(store: Store) -> None:
    before = settled(store)
    accepted(store, scaling(before, 1))
    accepted(store, deletion(record_of(store)))
    canceled(store, "job-delete")
    assert record_of(store).spec == before.spec


def test_a_job_without_a_way_back_is_not_canceled(store: Store) -> None:
    """Of a kanto that kept none: a scale-down has one all the same."""
    accepted(store, creation(undo=None))
    assert store.cancel(USER, "job-create").refusal is Refusal.SEALED
    store.release(leased(store), Outcome(30.0, view=VIEW, ended=JobStatus.SUCCEEDED))
    before = record_of(store)
    accepted(store, scaling(before, 1, undo=None))
    canceled(store, "job-scale")
    assert record_of(store).spec == before.spec
