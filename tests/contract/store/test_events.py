"""Events: what changed, in order, for those who wait."""

import threading
import time

import pytest

from common.jobs import JobStatus, Progress
from common.store.port import Event, Outcome, Store
from common.store.rules import EVENTS
from common.view import Reason
from tests.contract.store.bench import Bench
from tests.contract.store.requests import (
    KEY,
    VIEW,
    accepted,
    creation,
    deletion,
    due,
    leased,
    record_of,
    settled,
)
from tests.servers import PATIENCE


def told(store: Store, after: str) -> list[tuple[str | None, bool]]:
    """The job and whether it ended, of each event."""
    events = store.events(after, block=0.0)
    assert all(event.key == KEY for event in events)
    return [(event.job, event.ended) for event in events]


def test_an_empty_store_has_no_events(store: Store) -> None:
    assert store.events(store.newest_event(), block=0.0) == ()


def test_the_start_of_a_job_is_told(store: Store) -> None:
    accepted(store, creation())
    mark = store.newest_event()
    leased(store)
    assert told(store, mark) == [("job-create", False)]


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(1.0, view=VIEW),
        Outcome(1.0, step="x"),
        Outcome(1.0, progress=Progress(1, 2)),
        Outcome(1.0, reasons=(Reason("a", "b"),)),
    ],
)
def test_news_of_a_job_are_told_by_save_and_by_release(store: Store, outcome: Outcome) -> None:
    accepted(store, creation())
    lease = leased(store)
    mark = store.newest_event()
    store.save(lease, outcome)
    store.release(lease, outcome)
    assert told(store, mark) == [("job-create", False)] * 2


def test_a_step_without_news_tells_nothing(store: Store) -> None:
    accepted(store, creation())
    lease = leased(store)
    mark = store.newest_event()
    store.release(lease, Outcome(1.0, memory="m"))
    assert told(store, mark) == []


def test_a_fresh_look_without_a_job_is_told(store: Store) -> None:
    settled(store)
    lease = leased(store)
    mark = store.newest_event()
    store.release(lease, Outcome(1.0, view=VIEW, step="nothing to do"))
    assert told(store, mark) == [(None, False)]


@pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED])
def test_the_end_of_a_job_is_told_once(store: Store, status: JobStatus) -> None:
    accepted(store, creation())
    lease = leased(store)
    mark = store.newest_event()
    store.release(lease, Outcome(1.0, view=VIEW, step="x", ended=status))
    assert told(store, mark) == [("job-create", True)]


def test_an_end_by_deadline_is_told(bench: Bench) -> None:
    accepted(bench.store, creation())
    mark = bench.store.newest_event()
    bench.elapse(600)
    due(bench.store)
    due(bench.store)
    assert told(bench.store, mark) == [("job-create", True)]


def test_an_end_by_a_delete_is_told(store: Store) -> None:
    accepted(store, creation())
    mark = store.newest_event()
    accepted(store, deletion(record_of(store)))
    assert told(store, mark) == [("job-create", True)]


def test_events_come_in_order_and_one_can_read_on_after_any(store: Store) -> None:
    settled(store)
    lease = leased(store)
    start = store.newest_event()
    for _ in range(5):
        store.save(lease, Outcome(0.0, view=VIEW))
    events = store.events(start, block=0.0)
    assert len({event.id for event in events}) == 5
    assert store.events(events[2].id, block=0.0) == events[3:]
    assert events[-1].id == store.newest_event()


def test_a_reader_waits_for_the_first_event(store: Store) -> None:
    settled(store)
    lease = leased(store)
    mark = store.newest_event()
    found: list[Event] = []

    def read() -> None:
        deadline = time.monotonic() + PATIENCE
        while not found and time.monotonic() < deadline:
            found.extend(store.events(mark, block=1.0))

    reader = threading.Thread(target=read)
    reader.start()
    store.save(lease, Outcome(0.0, view=VIEW))
    reader.join(PATIENCE)
    assert [(event.key, event.job, event.ended) for event in found] == [(KEY, None, False)]


def test_a_reader_that_waits_in_vain_comes_back_with_nothing(store: Store) -> None:
    assert store.events(store.newest_event(), block=0.05) == ()


def test_what_is_no_id_of_an_event_is_refused(store: Store) -> None:
    for wrong in ("", "x", "1-2-3", "$", "-1", "1-"):
        with pytest.raises(ValueError, match="event id"):
            store.events(wrong, block=0.0)


def test_the_log_of_events_is_capped(store: Store) -> None:
    settled(store)
    lease = leased(store)
    for _ in range(EVENTS + 500):
        store.save(lease, Outcome(0.0, view=VIEW))
    seen, after = 0, "0"
    while events := store.events(after, block=0.0):
        seen, after = seen + len(events), events[-1].id
    assert EVENTS <= seen <= EVENTS + 400
