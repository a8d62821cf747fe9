"""What the store tells of everything at once, for those who watch kanto."""

from common.cluster import ClusterKey
from common.jobs import JobStatus
from common.store.port import Outcome
from common.store.survey import Ended, Survey, Surveyed
from tests.contract.store.bench import Bench
from tests.contract.store.requests import KEY, VIEW, accepted, creation, deletion, leased, record_of, settled


def counted(bench: Bench) -> Survey:
    return bench.store.survey()


def test_an_empty_store_has_nothing_to_tell(bench: Bench) -> None:
    found = counted(bench)
    assert (found.clusters, found.workers, found.unfinished, found.overdue, dict(found.ended)) == ((), 0, 0, 0, {})


def test_a_cluster_that_waits_for_its_turn_is_late(bench: Bench) -> None:
    accepted(bench.store, creation())
    bench.elapse(2.5)
    assert counted(bench).clusters == (Surveyed(KEY, 2.5, None),)


def test_a_cluster_that_is_not_due_yet_is_not_late_and_shows_what_was_seen(bench: Bench) -> None:
    settled(bench.store)
    (found,) = counted(bench).clusters
    assert (found.key, found.late, found.view) == (KEY, 0.0, VIEW)


def test_jobs_are_counted_until_they_end_and_then_by_how_they_ended(bench: Bench) -> None:
    accepted(bench.store, creation())
    assert counted(bench).unfinished == 1
    lease = leased(bench.store)
    bench.elapse(3)
    bench.store.release(lease, Outcome(30.0, view=VIEW, ended=JobStatus.SUCCEEDED))
    found = counted(bench)
    assert found.unfinished == 0
    assert dict(found.ended) == {("create", "succeeded"): Ended(1, 3.0)}


def test_jobs_past_their_deadline_are_overdue_until_somebody_ends_them(bench: Bench) -> None:
    job = accepted(bench.store, creation())
    bench.elapse(job.deadline_at - job.created_at + 1)
    assert counted(bench).overdue == 1
    bench.store.claim("worker", limit=0, lease=15)
    found = counted(bench)
    assert (found.overdue, found.workers) == (0, 1)
    assert found.ended["create", "failed"].count == 1


def test_a_job_that_another_superseded_is_counted_as_canceled(bench: Bench) -> None:
    accepted(bench.store, creation())
    accepted(bench.store, deletion(record_of(bench.store)))
    assert counted(bench).ended["create", "canceled"].count == 1


def test_what_is_gone_is_not_told(bench: Bench) -> None:
    accepted(bench.store, deletion(settled(bench.store)))
    bench.store.release(leased(bench.store), Outcome(60.0, view=VIEW, ended=JobStatus.SUCCEEDED, gone=True))
    assert counted(bench).clusters == ()


def test_more_clusters_than_fit_one_page_are_all_told(bench: Bench) -> None:
    for number in range(450):
        accepted(bench.store, creation(f"job{number}", ClusterKey(f"user{number % 9}", f"tag{number}")))
    assert len(counted(bench).clusters) == 450
