"""Redis's fields to plain data and back."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.cluster import ClusterKey, ClusterSpec, Durable
from common.codec import encode
from common.errors import PermanentError
from common.jobs import JobError, JobStatus, Progress
from common.store.fields import build_job, build_record, cluster_id, cluster_key, outcome_fields, paired
from common.store.port import Outcome

SPEC = ClusterSpec("johny2", "my-test-db1", "i1", 3, (), "johny2", "-pbkdf2:x")
JOB = {
    "id": "j",
    "user": "johny2",
    "tag": "my-test-db1",
    "kind": "scale",
    "status": "queued",
    "version": "1795571451259",
    "created_at": "1795571451259",
    "deadline_at": "1795571511259",
    "progress_deadline_at": "1795571511260",
    "request_id": "",
}
usernames = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}", fullmatch=True)
tags = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)


def names(fields: Iterator[tuple[str, str]]) -> set[str]:
    return {name for name, _ in fields}


@given(usernames, tags)
def test_a_key_comes_back_from_its_id(user: str, tag: str) -> None:
    assert cluster_key(cluster_id(ClusterKey(user, tag))) == ClusterKey(user, tag)


@given(usernames, tags, usernames, tags)
def test_different_keys_have_different_ids(user: str, tag: str, other: str, other_tag: str) -> None:
    one, two = ClusterKey(user, tag), ClusterKey(other, other_tag)
    assert (cluster_id(one) == cluster_id(two)) == (one == two)


def test_lua_gives_a_table_as_names_and_values() -> None:
    assert paired(["a", "1", "b", ""]) == {"a": "1", "b": ""}


def test_a_record_of_the_fewest_fields() -> None:
    record = build_record({"spec": encode(SPEC), "version": "7"}, "hash", is_disabled=False)
    assert (record.spec, record.version, record.owner_hash) == (SPEC, 7, "hash")
    assert (record.memory, record.durable, record.view, record.job, record.gone) == ("", Durable(), None, None, False)


def test_times_are_seconds_with_milliseconds() -> None:
    job = build_job({**JOB, "started_at": "1795571451260"})
    assert (job.created_at, job.started_at, job.ended_at) == (1795571451.259, 1795571451.26, None)


@pytest.mark.parametrize("cause", ["deadline", "superseded"])
def test_a_job_that_redis_ended_by_itself_tells_why(cause: str) -> None:
    job = build_job({**JOB, "status": "failed", "ended_at": "1795571511259", "cause": cause, "step": "filling"})
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == cause


def test_a_record_that_cannot_be_read_says_so() -> None:
    with pytest.raises(PermanentError):
        build_record({"spec": "{}", "version": "7"}, "hash", is_disabled=False)


def test_an_outcome_sends_what_it_has_and_nothing_else() -> None:
    always = {"progress_window", "gone_for", "due_in"}
    assert names(outcome_fields(Outcome(1.0))) == always
    empty = Outcome(1.0, memory="", durable=Durable(), step="", progress=Progress(), reasons=())
    assert names(outcome_fields(empty)) == {*always, "memory", "durable", "step", "progress", "reasons"}
    ended = Outcome(1.0, progressed=True, ended=JobStatus.FAILED, error=JobError("a", "b", "c"), gone=True)
    assert names(outcome_fields(ended)) == {*always, "progressed", "ended", "error", "gone"}


@pytest.mark.parametrize(("seconds", "sent"), [(-1.0, "0"), (0.0, "0"), (1.5, "1500"), (1e9, "3600000")])
def test_a_due_time_is_brought_within_the_horizon(seconds: float, sent: str) -> None:
    assert dict(outcome_fields(Outcome(seconds)))["due_in"] == sent
