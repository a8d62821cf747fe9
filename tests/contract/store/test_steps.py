"""The steps of a cluster that are kept for whoever looks into a mistake."""

from common.jobs import JobStatus
from common.store.port import Outcome, PastStep, Store
from common.store.rules import STEPS
from common.view import Reason
from tests.contract.store.bench import START, Bench
from tests.contract.store.requests import KEY, VIEW, accepted, creation, deletion, leased, record_of, settled

REASON = Reason("starting", "an instance starts")


def texts(store: Store) -> list[str]:
    return [step.step for step in store.steps(KEY)]


def test_no_cluster_has_no_steps(store: Store) -> None:
    assert store.steps(KEY) == ()
    accepted(store, creation())
    assert store.steps(KEY) == ()


def test_each_is_kept_with_its_time_worker_and_fence_upkeep_too(bench: Bench) -> None:
    store = bench.store
    accepted(store, creation())
    first = leased(store)
    store.save(first, Outcome(0.0, step="starting instances"))
    bench.elapse(1)
    store.release(first, Outcome(1.0, step="an instance starts", reasons=(REASON,)))
    bench.elapse(2)
    second = leased(store, owner="worker-2")
    store.release(second, Outcome(30.0, view=VIEW, step="done", reasons=(), ended=JobStatus.SUCCEEDED))
    bench.elapse(30)
    third = leased(store)
    store.save(third, Outcome(0.0, step="linking the ring"))
    assert store.steps(KEY) == (
        PastStep(START, "worker-1", first.fence, "starting instances", ()),
        PastStep(START + 1, "worker-1", first.fence, "an instance starts", (REASON,)),
        PastStep(START + 3, "worker-2", second.fence, "done", ()),
        PastStep(START + 33, "worker-1", third.fence, "linking the ring", ()),
    )


def test_one_like_the_one_before_is_not_kept_again(store: Store) -> None:
    settled(store)
    for reasons in ((), None, (REASON,), (REASON,), ()):
        store.release(leased(store), Outcome(30.0, step="done", reasons=reasons))
    store.release(leased(store), Outcome(30.0))
    assert [(step.step, step.reasons) for step in store.steps(KEY)] == [("done", ()), ("done", (REASON,)), ("done", ())]


def test_the_newest_are_kept(store: Store) -> None:
    settled(store)
    lease = leased(store)
    for number in range(STEPS + 5):
        store.save(lease, Outcome(0.0, step=f"step {number}"))
    assert texts(store) == [f"step {number}" for number in range(5, STEPS + 5)]


def test_what_a_step_did_whose_spec_has_moved_is_kept(store: Store) -> None:
    record = settled(store)
    lease = leased(store)
    accepted(store, deletion(record))
    store.release(lease, Outcome(30.0, step="linking the ring"))
    assert texts(store) == ["linking the ring"]


def test_they_go_with_the_cluster(bench: Bench) -> None:
    store = bench.store
    accepted(store, deletion(settled(store)))
    store.release(leased(store), Outcome(30.0, step="done", ended=JobStatus.SUCCEEDED, gone=True, gone_for=300))
    assert texts(store) == ["done"]
    bench.elapse(301)
    assert store.claim("worker-1", limit=10, lease=15.0).keys == ()
    assert store.steps(KEY) == ()


def test_a_new_cluster_of_the_name_begins_without_any(store: Store) -> None:
    accepted(store, deletion(settled(store)))
    store.release(leased(store), Outcome(30.0, step="done", ended=JobStatus.SUCCEEDED, gone=True))
    accepted(store, creation("job-again"))
    assert store.steps(KEY) == ()
    assert record_of(store).job == "job-again"
    store.release(leased(store), Outcome(30.0, step="done"))
    assert texts(store) == ["done"]
