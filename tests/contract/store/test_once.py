"""Idempotency keys: stored with the spec and the job, so that whoever asks again is told of the first request."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from common.cluster import ClusterKey
from common.jobs import JobStatus
from common.store.admission import Once
from common.store.port import Outcome, Refusal, Store
from common.store.rules import JOBS_PER_USER, ONCE_FOR
from tests.contract.store.bench import Bench, MakeBench
from tests.contract.store.requests import (
    KEY,
    VIEW,
    accepted,
    creation,
    deletion,
    leased,
    record_of,
    scaling,
    settled,
)

ONCE = Once("key-1", "salt", "mark")


def test_a_key_is_unknown_until_its_request_is_taken(store: Store) -> None:
    assert store.remembered(KEY.user, "key-1") is None
    settled(store)
    assert store.submit(creation("job-2", once=ONCE)).refusal is Refusal.EXISTS
    assert store.remembered(KEY.user, "key-1") is None


def test_the_second_request_is_told_of_the_first(store: Store) -> None:
    first = accepted(store, creation(once=ONCE))
    again = store.submit(creation("job-2", ClusterKey(KEY.user, "other"), once=replace(ONCE, mark="other")))
    assert (again.job, again.refusal) == (None, None)
    assert again.remembered is not None
    assert (again.remembered.once, again.remembered.job) == (ONCE, first)
    assert again.remembered.spec == creation().spec
    assert store.cluster(ClusterKey(KEY.user, "other")) is None
    assert store.job("job-2") is None
    assert store.remembered(KEY.user, "key-1") == again.remembered


def test_it_is_told_so_before_anything_is_refused(store: Store) -> None:
    before = settled(store)
    scaling_to_five = scaling(before, 5, once=ONCE)
    accepted(store, scaling_to_five)
    store.release(leased(store), Outcome(30.0, view=VIEW, ended=JobStatus.SUCCEEDED))
    accepted(store, scaling(record_of(store), 2, "job-later"))
    again = store.submit(replace(scaling_to_five, job_id="job-2"))
    assert again.remembered is not None
    assert again.remembered.spec.replicas == 5
    assert again.remembered.job is not None
    assert (again.remembered.job.status, again.remembered.job.result) == (JobStatus.SUCCEEDED, VIEW)


def test_nobody_is_told_who_was_not_proved_to_be_the_user(store: Store) -> None:
    accepted(store, creation(once=ONCE))
    again = store.submit(creation("job-2", once=ONCE, owner_hash="hash of another token"))
    assert (again.refusal, again.remembered) == (Refusal.TAKEN, None)


def test_keys_are_per_user(store: Store) -> None:
    accepted(store, creation(once=ONCE))
    ann = ClusterKey("ann", KEY.tag)
    assert store.remembered("ann", "key-1") is None
    accepted(store, creation("job-2", ann, owner_hash="hash", once=ONCE))


def test_a_delete_that_joins_another_is_remembered_too(store: Store) -> None:
    settled(store)
    accepted(store, deletion(record_of(store)))
    joined = store.submit(deletion(record_of(store), "job-2", once=ONCE))
    assert joined.refusal is Refusal.BUSY
    store.release(leased(store), Outcome(30.0, ended=JobStatus.SUCCEEDED, gone=True))
    again = store.remembered(KEY.user, "key-1")
    assert again is not None
    assert again.job is not None
    assert (again.job.id, again.job.status) == ("job-delete", JobStatus.SUCCEEDED)


def test_a_key_answers_for_a_day(make_bench: MakeBench) -> None:
    bench = make_bench(keep_jobs=10 * ONCE_FOR)
    bench.store.rebuild(())
    settled(bench.store)
    accepted(bench.store, scaling(record_of(bench.store), 5, once=ONCE))
    bench.store.release(leased(bench.store), Outcome(30.0, ended=JobStatus.SUCCEEDED))
    bench.elapse(ONCE_FOR - 0.001)
    assert bench.store.remembered(KEY.user, "key-1") is not None
    bench.elapse(0.001)
    assert bench.store.remembered(KEY.user, "key-1") is None
    accepted(bench.store, scaling(record_of(bench.store), 2, "job-2", once=ONCE))


def test_a_key_outlives_a_job_that_was_forgotten_early(bench: Bench) -> None:
    store = bench.store
    accepted(store, creation(once=ONCE))
    store.release(leased(store), Outcome(30.0, ended=JobStatus.SUCCEEDED))
    for number in range(JOBS_PER_USER + 1):
        bench.elapse(0.001)
        accepted(store, scaling(record_of(store), 3 + number % 2, f"job-{number}"))
        store.release(leased(store), Outcome(30.0, ended=JobStatus.SUCCEEDED))
    assert store.job("job-create") is None
    known = store.remembered(KEY.user, "key-1")
    assert known is not None
    assert known.job is None


def test_of_many_at_once_one_is_taken(store: Store) -> None:
    keys = [ClusterKey(KEY.user, f"tag-{number}") for number in range(20)]
    with ThreadPoolExecutor(20) as callers:
        answers = list(callers.map(lambda n: store.submit(creation(f"job-{n}", keys[n], once=ONCE)), range(len(keys))))
    (taken,) = [answer.job for answer in answers if answer.job is not None]
    told = [answer.remembered for answer in answers if answer.remembered is not None]
    assert len(told) == 19
    assert {known.job for known in told} == {taken}
    assert len(store.clusters(KEY.user)) == 1
