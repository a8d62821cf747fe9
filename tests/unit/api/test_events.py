import json
from dataclasses import replace
from typing import Any

import pytest

from api.events import Told, event, last_seen
from common.cluster import ClusterKey
from common.jobs import Job, JobChange, JobKind, JobStatus, Progress
from common.store.port import JobLog

JOB = Job(
    "0" * 32, ClusterKey("johny2", "tag1"), JobKind.CREATE, JobStatus.RUNNING, 1, 0.0, 600.0, 600.0, started_at=1.0
)


def log(revision: int, *kept: int, status: JobStatus = JobStatus.RUNNING) -> JobLog:
    """A job after so many changes, of which some are kept."""
    changes = tuple(
        JobChange(number, float(number), status if number == revision else JobStatus.RUNNING, "", Progress(), ())
        for number in kept
    )
    return JobLog(replace(JOB, revision=revision, status=status), changes, is_whole=len(kept) == revision)


def read(parts: list[bytes] | None) -> list[tuple[str, int]]:
    """Name and number of each event."""
    assert parts is not None
    found = []
    for part in parts:
        fields = dict(line.split(": ", 1) for line in part.decode().strip().splitlines())
        found.append((fields["event"], int(fields["id"])))
    return found


def test_one_who_begins_is_told_the_state_and_no_change_of_before() -> None:
    assert read(Told(None).next(log(3, 1, 2, 3), None)) == [("state", 3)]


def test_each_change_is_told_once_whatever_is_heard_again() -> None:
    told = Told(None)
    told.next(log(1, 1), None)
    assert read(told.next(log(3, 1, 2, 3), None)) == [("change", 2), ("change", 3)]
    assert read(told.next(log(3, 1, 2, 3), None)) == []
    assert read(told.next(log(4, 4), None)) == [("change", 4)]


def test_one_who_comes_back_goes_on_behind_what_was_seen() -> None:
    assert read(Told(2).next(log(4, 1, 2, 3, 4), None)) == [("change", 3), ("change", 4)]


def test_a_gap_is_never_told_as_if_it_were_none() -> None:
    told = Told(2)
    assert told.next(log(6, 5, 6), None) is None
    assert told.revision == 2
    told.begin_anew()
    assert read(told.next(log(6, 5, 6), None)) == [("state", 6)]


def test_a_number_that_is_yet_to_come_is_a_gap_too() -> None:
    assert Told(9).next(log(3, 1, 2, 3), None) is None


def test_the_end_takes_the_place_of_the_last_change() -> None:
    told = Told(1)
    ended = log(3, 2, 3, status=JobStatus.FAILED)
    assert read(told.next(ended, None)) == [("change", 2), ("end", 3)]
    assert told.has_ended


def test_of_a_job_that_has_ended_there_is_the_end_alone() -> None:
    told = Told(None)
    assert read(told.next(log(3, 1, 2, 3, status=JobStatus.CANCELED), None)) == [("end", 3)]
    assert told.has_ended


@pytest.mark.parametrize(
    ("header", "seen"), [(None, None), ("", None), ("0", 0), ("17", 17), ("-1", None), ("x", None), ("1" * 10, None)]
)
def test_what_was_no_events_id_begins_anew(header: str | None, seen: int | None) -> None:
    assert last_seen(header) == seen


def test_an_event_is_one_line_of_json_under_its_number() -> None:
    data: dict[str, Any] = {"step": "two\nlines, and ü"}
    lines = event("change", 7, data).decode().splitlines()
    assert "event: change" in lines
    assert "id: 7" in lines
    (line,) = [line for line in lines if line.startswith("data: ")]
    assert json.loads(line.removeprefix("data: ")) == data
