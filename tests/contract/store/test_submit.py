"""What the store makes of a request."""

from dataclasses import replace

import pytest

from common.cluster import ClusterKey, Durable
from common.errors import NotRebuilt
from common.jobs import JobKind, JobStatus
from common.store.port import ClusterRecord, Outcome, Refusal, Store, Submitted
from tests.contract.store.bench import START, Bench
from tests.contract.store.requests import (
    HASH,
    KEY,
    accepted,
    creation,
    deletion,
    due,
    job_of,
    leased,
    record_of,
    scaling,
    settled,
    spec_of,
)

NEVER_MADE = ClusterRecord(spec_of(), 1, HASH)


def test_nothing_is_accepted_before_the_store_was_rebuilt(new_bench: Bench) -> None:
    assert new_bench.store.submit(creation()) == Submitted(None, Refusal.NOT_REBUILT)
    with pytest.raises(NotRebuilt):
        new_bench.store.owner_hash(KEY.user)
    assert not new_bench.store.is_rebuilt()


def test_a_create_stores_the_spec_and_a_queued_job_with_its_deadlines(store: Store) -> None:
    job = accepted(store, creation())
    record = record_of(store)
    assert record.spec == spec_of()
    assert (record.version, record.job, record.owner_hash) == (job.version, job.id, HASH)
    assert (record.memory, record.view, record.durable) == ("", None, Durable())
    assert (job.key, job.kind, job.status, job.request_id) == (KEY, JobKind.CREATE, JobStatus.QUEUED, "request-1")
    assert (job.created_at, job.deadline_at, job.progress_deadline_at) == (START, START + 3600, START + 600)
    assert (job.started_at, job.ended_at, job.error, job.result) == (None, None, None, None)
    assert job_of(store, job.id) == job


def test_a_create_makes_the_cluster_due_at_once(store: Store) -> None:
    accepted(store, creation())
    assert due(store) == (KEY,)


def test_a_create_enrols_its_user(store: Store) -> None:
    assert store.owner_hash(KEY.user) is None
    accepted(store, creation())
    assert store.owner_hash(KEY.user) == HASH


def test_no_other_operation_changes_the_owners_hash(store: Store) -> None:
    accepted(store, scaling(settled(store), 5, owner_hash="$argon2id$stranger"))
    assert store.owner_hash(KEY.user) == HASH
    assert record_of(store).owner_hash == HASH


def test_a_name_that_another_token_claimed_is_taken(store: Store) -> None:
    accepted(store, creation())
    other = ClusterKey(KEY.user, "another-one")
    assert store.submit(creation("job-2", other, owner_hash="$argon2id$stranger")) == Submitted(None, Refusal.TAKEN)
    assert store.cluster(other) is None
    assert store.owner_hash(KEY.user) == HASH


def test_two_users_may_use_one_tag(store: Store) -> None:
    other = ClusterKey("ann", KEY.tag)
    accepted(store, creation())
    accepted(store, creation("job-2", other, owner_hash="$argon2id$of-ann"))
    assert [record.spec.key for record in store.clusters("ann")] == [other]
    assert record_of(store, other).owner_hash == "$argon2id$of-ann"


def test_a_create_of_a_cluster_that_exists_is_refused(store: Store) -> None:
    accepted(store, creation())
    before = record_of(store)
    assert store.submit(creation("job-2", spec=spec_of(incarnation="second"))) == Submitted(None, Refusal.EXISTS)
    assert record_of(store) == before
    assert store.job("job-2") is None


def test_only_a_create_enrols(store: Store) -> None:
    store.submit(scaling(NEVER_MADE, 2))
    assert store.owner_hash(KEY.user) is None


def test_a_known_job_answers_as_the_first_time_and_changes_nothing(store: Store) -> None:
    job = accepted(store, creation())
    before = record_of(store)
    assert accepted(store, creation()) == job
    assert record_of(store) == before


def test_a_known_job_that_has_ended_answers_with_its_end(store: Store) -> None:
    settled(store)
    assert accepted(store, creation()).status is JobStatus.SUCCEEDED


def test_a_scale_changes_the_spec_and_keeps_what_is_remembered(store: Store) -> None:
    accepted(store, creation())
    outcome = Outcome(30.0, memory="remembered", durable=Durable(filled=("u1",)), ended=JobStatus.SUCCEEDED)
    store.release(leased(store), outcome)
    before = record_of(store)
    job = accepted(store, scaling(before, 5))
    after = record_of(store)
    assert after == replace(before, spec=replace(before.spec, replicas=5), version=job.version, job=job.id)
    assert after.version > before.version
    assert due(store) == (KEY,)


def test_an_operation_on_a_cluster_that_does_not_exist_is_refused(store: Store) -> None:
    assert store.submit(scaling(NEVER_MADE, 5)) == Submitted(None, Refusal.MISSING)
    assert store.submit(deletion(NEVER_MADE)) == Submitted(None, Refusal.MISSING)


def test_an_operation_on_a_gone_cluster_is_refused_as_if_it_did_not_exist(store: Store) -> None:
    accepted(store, deletion(settled(store)))
    record = record_of(store)
    store.release(leased(store), Outcome(10.0, ended=JobStatus.SUCCEEDED, gone=True))
    assert store.submit(scaling(record, 5)) == Submitted(None, Refusal.MISSING)
    assert store.submit(deletion(record, "job-2")) == Submitted(None, Refusal.MISSING)


def test_a_second_operation_is_refused_with_the_job_that_runs(store: Store) -> None:
    running = accepted(store, creation())
    assert store.submit(scaling(record_of(store), 5)) == Submitted(running, Refusal.BUSY)
    assert store.job("job-scale") is None


def test_an_operation_computed_from_an_older_record_is_stale(store: Store) -> None:
    older = settled(store)
    accepted(store, scaling(older, 5))
    store.release(leased(store), Outcome(30.0, ended=JobStatus.SUCCEEDED))
    assert store.submit(scaling(older, 4, "job-3")) == Submitted(None, Refusal.STALE)
    assert store.submit(deletion(older)) == Submitted(None, Refusal.STALE)
    assert record_of(store).spec.replicas == 5


def test_a_delete_ends_the_running_job_as_superseded(store: Store) -> None:
    accepted(store, creation())
    job = accepted(store, deletion(record_of(store)))
    former = job_of(store, "job-create")
    assert (former.status, former.ended_at) == (JobStatus.CANCELED, START)
    assert former.error is not None
    assert former.error.code == "superseded"
    record = record_of(store)
    assert (record.spec.deleted, record.job, record.version) == (True, job.id, job.version)


def test_a_delete_does_not_bring_back_what_a_superseded_scale_down_left(store: Store) -> None:
    accepted(store, scaling(settled(store), 1))
    accepted(store, deletion(record_of(store)))
    record = record_of(store)
    assert (record.spec.deleted, record.spec.replicas) == (True, 1)


def test_a_delete_while_a_delete_runs_is_busy_with_that_job(store: Store) -> None:
    running = accepted(store, deletion(settled(store)))
    assert store.submit(deletion(record_of(store), "job-2")) == Submitted(running, Refusal.BUSY)


def test_a_delete_after_one_that_failed_is_a_new_job(bench: Bench) -> None:
    accepted(bench.store, deletion(settled(bench.store)))
    bench.elapse(600)
    assert job_of(bench.store, "job-delete").status is JobStatus.FAILED
    assert accepted(bench.store, deletion(record_of(bench.store), "job-2")).status is JobStatus.QUEUED


def test_a_cluster_that_is_being_deleted_is_missing_for_others_and_exists_for_create(store: Store) -> None:
    accepted(store, deletion(settled(store)))
    assert store.submit(scaling(record_of(store), 5)) == Submitted(None, Refusal.MISSING)
    assert store.submit(creation("job-2")) == Submitted(None, Refusal.EXISTS)


def test_a_late_job_makes_nobody_busy(bench: Bench) -> None:
    accepted(bench.store, creation())
    record = record_of(bench.store)
    bench.elapse(600)
    accepted(bench.store, scaling(record, 5))
    assert job_of(bench.store, "job-create").status is JobStatus.FAILED


def test_a_gone_cluster_can_be_made_again_and_knows_nothing_of_the_former(store: Store) -> None:
    accepted(store, deletion(settled(store)))
    lease = leased(store)
    durable = Durable(ever_filled=True)
    store.release(lease, Outcome(10.0, memory="old", durable=durable, ended=JobStatus.SUCCEEDED, gone=True))
    job = accepted(store, creation("job-2", spec=spec_of(incarnation="second")))
    record = record_of(store)
    assert record.spec.incarnation == "second"
    assert (record.memory, record.durable, record.view, record.gone) == ("", Durable(), None, False)
    assert (record.version, record.job) == (job.version, "job-2")
    assert job.version > lease.record.version


def test_the_users_clusters_come_by_tag(store: Store) -> None:
    tags = ("zeta", "alfa", "mike")
    for tag in tags:
        accepted(store, creation(f"job-{tag}", ClusterKey(KEY.user, tag)))
    assert [record.spec.tag for record in store.clusters(KEY.user)] == sorted(tags)
    assert store.clusters("nobody") == ()


def test_empty_lists_and_big_numbers_survive(store: Store) -> None:
    spec = spec_of(databases=(), admin_line="1795571451259000123")
    accepted(store, creation(spec=spec))
    store.release(leased(store), Outcome(1.0, memory='{"empty":[],"big":9007199254740993}', durable=Durable()))
    record = record_of(store)
    assert (record.spec, record.memory) == (spec, '{"empty":[],"big":9007199254740993}')
