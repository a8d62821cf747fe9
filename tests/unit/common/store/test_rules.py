"""What both stores share beyond the protocol."""

from dataclasses import replace

import pytest

from common.cluster import ClusterKey, ClusterSpec
from common.codec import encode
from common.jobs import Job, JobKind, JobStatus
from common.store.rules import deadline_error, event_number, milliseconds, superseded_error
from common.view import Reason

SPEC = ClusterSpec("johny2", "my-test-db1", "i1", 3, (), "johny2", "-pbkdf2:x")
JOB = Job(
    id="j",
    key=ClusterKey("johny2", "my-test-db1"),
    kind=JobKind.CREATE,
    status=JobStatus.FAILED,
    version=1,
    created_at=0.0,
    deadline_at=100.0,
    progress_deadline_at=50.0,
    ended_at=60.0,
)


@pytest.mark.parametrize("kind", JobKind)
def test_a_deadline_names_the_job_what_it_waited_for_and_what_comes_now(kind: JobKind) -> None:
    error = deadline_error(replace(JOB, kind=kind, step="filling", reasons=(Reason("a", "a link waits"),)))
    assert error.code == "deadline"
    assert error.message.startswith(f"{kind} of my-test-db1 made no progress")
    assert error.message.endswith("a link waits")
    assert error.detail


def test_a_deadline_says_which_of_the_two_it_was() -> None:
    assert "made no progress for too long" in deadline_error(JOB).message
    assert "was not done by its deadline" in deadline_error(replace(JOB, ended_at=100.0)).message


def test_a_deadline_falls_back_to_the_step_and_then_to_nothing_begun() -> None:
    assert deadline_error(replace(JOB, step="filling")).message.endswith("filling")
    assert deadline_error(JOB).message.endswith("no worker has begun it")


def test_a_deadline_says_that_the_former_spec_comes_back() -> None:
    assert "goes back" in deadline_error(replace(JOB, kind=JobKind.SCALE, restore=SPEC)).detail
    assert "goes back" not in deadline_error(replace(JOB, kind=JobKind.SCALE)).detail


def test_the_words_of_an_end_survive_encoding() -> None:
    for error in (deadline_error(JOB), superseded_error(JOB)):
        assert error.message in encode(error)


def test_superseded_names_the_job() -> None:
    error = superseded_error(JOB)
    assert error.code == "superseded"
    assert "create of my-test-db1" in error.message


@pytest.mark.parametrize(
    ("seconds", "whole"), [(0, 0), (0.0004, 0), (0.0006, 1), (1.0005, 1000), (15, 15000), (-1, -1000)]
)
def test_times_are_whole_milliseconds(seconds: float, whole: int) -> None:
    assert milliseconds(seconds) == whole


@pytest.mark.parametrize(("text", "number"), [("0", (0, 0)), ("5", (5, 0)), ("1795571451261-12", (1795571451261, 12))])
def test_an_events_id_orders_it(text: str, number: tuple[int, int]) -> None:
    assert event_number(text) == number
