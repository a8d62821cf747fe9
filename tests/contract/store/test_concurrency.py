"""Many threads at once: nothing is claimed twice, one lease is handed out, numbers never repeat."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from common.cluster import ClusterKey
from common.jobs import JobStatus
from common.store.port import Lease, Outcome, Refusal, Store
from tests.contract.store.requests import (
    HASH,
    KEY,
    TTL,
    accepted,
    creation,
    job_of,
    leased,
    record_of,
    scaling,
    settled,
    spec_of,
)
from tests.servers import PATIENCE

T = TypeVar("T")

THREADS = 8


def at_once(work: Callable[[int], T]) -> list[T]:
    """What each thread got, all let loose together."""
    start = threading.Barrier(THREADS)

    def run(number: int) -> T:
        start.wait(PATIENCE)
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return [future.result(PATIENCE) for future in [pool.submit(run, number) for number in range(THREADS)]]


def test_nothing_is_claimed_twice(store: Store) -> None:
    keys = [ClusterKey(f"user-{number % 7}", f"tag-{number:03}") for number in range(200)]
    for number, key in enumerate(keys):
        accepted(store, creation(f"job-{number}", key))

    def claim_all(number: int) -> list[ClusterKey]:
        mine: list[ClusterKey] = []
        for _ in range(len(keys) + 1):
            found = store.claim(f"worker-{number}", limit=3, lease=1000.0).keys
            if not found:
                break
            mine.extend(found)
        return mine

    claimed = [key for mine in at_once(claim_all) for key in mine]
    assert sorted(claimed) == sorted(keys)


def test_one_of_many_gets_the_lease(store: Store) -> None:
    settled(store)
    for _ in range(20):
        leases = [lease for lease in at_once(lambda n: store.acquire(KEY, f"worker-{n}", ttl=TTL)) if lease]
        assert len(leases) == 1
        store.release(leases[0], Outcome(0.0))


def test_fencing_numbers_never_repeat(store: Store) -> None:
    keys = [ClusterKey(KEY.user, f"tag-{number}") for number in range(THREADS)]
    for number, key in enumerate(keys):
        settled(store, f"job-{number}", key)

    def take_and_give(number: int) -> list[int]:
        numbers = []
        for _ in range(25):
            lease = leased(store, keys[number])
            numbers.append(lease.fence)
            store.release(lease, Outcome(0.0))
        return numbers

    taken = at_once(take_and_give)
    assert all(numbers == sorted(numbers) for numbers in taken)
    assert len({number for numbers in taken for number in numbers}) == THREADS * 25


def test_one_of_many_creates_wins_and_the_others_see_that_it_exists(store: Store) -> None:
    def create(number: int) -> Refusal | None:
        return store.submit(creation(f"job-{number}", spec=spec_of(incarnation=str(number)))).refusal

    answers = at_once(create)
    assert answers.count(None) == 1
    assert set(answers) == {None, Refusal.EXISTS}
    assert record_of(store).spec.incarnation == str(answers.index(None))


def test_one_of_many_tokens_claims_a_name(store: Store) -> None:
    def create(number: int) -> Refusal | None:
        key = ClusterKey(KEY.user, f"tag-{number}")
        return store.submit(creation(f"job-{number}", key, owner_hash=f"{HASH}-{number}")).refusal

    answers = at_once(create)
    assert answers.count(None) == 1
    assert set(answers) == {None, Refusal.TAKEN}
    assert store.owner_hash(KEY.user) == f"{HASH}-{answers.index(None)}"


def test_one_of_many_changes_wins_and_the_others_are_busy_with_it(store: Store) -> None:
    before = settled(store)
    answers = at_once(lambda number: store.submit(scaling(before, 4 + number % 3, f"scale-{number}")))
    winners = [answer.job for answer in answers if answer.refusal is None]
    assert len(winners) == 1
    assert {answer.refusal for answer in answers} == {None, Refusal.BUSY}
    assert {answer.job.id for answer in answers if answer.job} == {record_of(store).job}


def test_one_request_sent_many_times_is_one_job(store: Store) -> None:
    answers = at_once(lambda _: store.submit(creation()))
    assert all(answer.refusal is None for answer in answers)
    assert len({answer.job for answer in answers}) == 1


def test_one_release_sent_many_times_takes_place_once(store: Store) -> None:
    accepted(store, creation())
    lease: Lease = leased(store)

    def end(number: int) -> None:
        store.release(lease, Outcome(1.0, memory=str(number), step=str(number), ended=JobStatus.SUCCEEDED))

    at_once(end)
    job = job_of(store, "job-create")
    assert job.status is JobStatus.SUCCEEDED
    assert job.step == record_of(store).memory
    ends = [event for event in store.events("0", block=0.0) if event.ended]
    assert len(ends) == 1
