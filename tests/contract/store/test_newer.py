"""What a newer kanto wrote under a schema that this one does not know is left to it, and holds up nothing else."""

from dataclasses import replace

import pytest

from common.cluster import ClusterKey, Durable
from common.codec import encode
from common.errors import NewerVersion
from common.jobs import JobStatus, Progress
from common.store.port import Outcome, Store
from tests.contract.store.bench import Bench
from tests.contract.store.newer import newer_kanto
from tests.contract.store.requests import (
    KEY,
    TTL,
    VIEW,
    accepted,
    creation,
    due,
    job_of,
    leased,
    record_of,
    scaling,
    settled,
)

OTHER = ClusterKey(KEY.user, "another-one")


def refused(store: Store) -> NewerVersion:
    with pytest.raises(NewerVersion) as caught:
        store.acquire(KEY, "worker-1", ttl=TTL)
    return caught.value


def test_a_newer_record_is_refused_and_its_lease_stays_free(bench: Bench) -> None:
    with newer_kanto():
        accepted(bench.store, creation())
    error = refused(bench.store)
    assert (error.code, str(KEY) in error.message, "as new as" in error.action) == ("newer_version", True, True)
    with newer_kanto():
        assert job_of(bench.store, "job-create").status is JobStatus.QUEUED, "it was begun by who may not read it"
        job = leased(bench.store, owner="worker-2").job
    assert job is not None
    assert job.status is JobStatus.RUNNING


def test_a_refused_cluster_is_due_again_in_a_second(bench: Bench) -> None:
    with newer_kanto():
        accepted(bench.store, creation())
    assert due(bench.store) == (KEY,)
    refused(bench.store)
    bench.elapse(0.999)
    assert due(bench.store) == ()
    bench.elapse(0.001)
    assert due(bench.store) == (KEY,)


WRITTEN = [
    pytest.param(Outcome(0.0, view=VIEW), id="view"),
    pytest.param(Outcome(0.0, durable=Durable(ever_filled=True)), id="durable"),
    pytest.param(Outcome(0.0, progress=Progress(1, 2)), id="progress"),
]


@pytest.mark.parametrize("outcome", WRITTEN)
def test_any_part_that_a_newer_worker_wrote_is_enough(bench: Bench, outcome: Outcome) -> None:
    accepted(bench.store, creation())
    lease = leased(bench.store)
    with newer_kanto():
        bench.store.release(lease, outcome)
    refused(bench.store)


def test_a_memory_that_a_newer_worker_wrote_is_enough(bench: Bench) -> None:
    settled(bench.store)
    lease = leased(bench.store)
    with newer_kanto():
        memory = encode(Progress())
    bench.store.release(lease, Outcome(0.0, memory=memory))
    refused(bench.store)


def test_a_spec_that_a_newer_job_would_bring_back_is_enough(bench: Bench) -> None:
    record = settled(bench.store)
    with newer_kanto():
        undo = scaling(record, 5)
        accepted(bench.store, replace(undo, undo=record.spec))
    refused(bench.store)


def test_what_users_put_into_a_record_does_not_look_newer(bench: Bench) -> None:
    accepted(bench.store, creation())
    words = '{"data":"of a user","schema":99}'
    bench.store.release(leased(bench.store), Outcome(0.0, step=f"{words} was said", view=replace(VIEW, endpoint=words)))
    assert leased(bench.store).record.view == replace(VIEW, endpoint=words)


def test_another_cluster_goes_on(bench: Bench) -> None:
    with newer_kanto():
        accepted(bench.store, creation())
    settled(bench.store, "job-2", OTHER)
    refused(bench.store)
    listing = bench.store.listing(KEY.user)
    assert ([record.spec.key for record in listing.records], listing.newer) == ([OTHER], (KEY.tag,))
    assert record_of(bench.store, OTHER).view == VIEW
    assert {one.key for one in bench.store.survey().clusters} == {KEY, OTHER}


def test_who_must_have_all_clusters_or_the_one_is_refused(bench: Bench) -> None:
    with newer_kanto():
        accepted(bench.store, creation())
    for read in (lambda: bench.store.clusters(KEY.user), lambda: bench.store.cluster(KEY)):
        with pytest.raises(NewerVersion):
            read()
    with pytest.raises(NewerVersion):
        bench.store.job("job-create")
    with pytest.raises(NewerVersion):
        bench.store.give_token(KEY.user, "$argon2id$new", "-pbkdf2:sha256-22,salt,1")


def test_a_newer_view_does_not_stop_those_who_watch(bench: Bench) -> None:
    settled(bench.store)
    lease = leased(bench.store)
    with newer_kanto():
        bench.store.release(lease, Outcome(30.0, view=VIEW))
    assert [one.view for one in bench.store.survey().clusters] == [None]


def test_a_newer_kanto_reads_what_this_one_wrote(bench: Bench) -> None:
    record = settled(bench.store)
    with newer_kanto():
        assert leased(bench.store).record == record
