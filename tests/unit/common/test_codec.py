"""Records survive the way to text and back, and what cannot be read is refused and not misread."""

import json
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.cluster import ClusterKey, ClusterSpec, Durable, MirrorRecord
from common.codec import SCHEMA, decode, encode, require_known
from common.errors import NewerVersion, PermanentError
from common.jobs import Job, JobError, JobKind, JobStatus, Progress
from common.store.port import ClusterRecord
from common.view import ClusterView, InstanceView, LinkView, Reason, ReplicationView

SPEC = ClusterSpec("johny2", "my-test-db1", "i1", 3, ("_users", "test"), "johny2", "-pbkdf2:sha256-00,salt,1")
VIEW = ClusterView(
    status="degraded",
    reasons=(Reason("link_stalled", "14 changes wait", "cdb-x-1"),),
    endpoint="http://127.0.0.1:20000",
    instances=(InstanceView("cdb-x-0", "http://127.0.0.1:20001", "serving", "u0", 12.5),),
    links=(LinkView("cdb-x-0", "cdb-x-1", (ReplicationView("test", "running", None, 0),)),),
    databases=("test",),
    observed_at=1_795_571_451.259,
    version=9_007_199_254_740_993,
)
JOB = Job(
    id="j",
    key=ClusterKey("johny2", "my-test-db1"),
    kind=JobKind.SCALE,
    status=JobStatus.FAILED,
    version=1,
    created_at=1.001,
    deadline_at=2.0,
    progress_deadline_at=3.0,
    started_at=1.5,
    ended_at=2.5,
    step="draining",
    progress=Progress(1, 2, ("a",)),
    reasons=(Reason("a", "b"),),
    result=VIEW,
    error=JobError("a", "b", "c"),
    restore=SPEC,
)
RECORDS = [
    SPEC,
    VIEW,
    JOB,
    Durable(("i-1",), ("u-1",), True),
    MirrorRecord(SPEC, 7, "hash", Durable(), 8),
    ClusterRecord(SPEC, 7, "hash", "memory", Durable(), VIEW, "j", True),
]
texts = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_every_record_comes_back_as_it_was(record: object) -> None:
    assert decode(type(record), encode(record)) == record


@given(st.lists(texts).map(tuple), texts, st.integers(0, 2**70), st.booleans())
def test_any_text_and_any_number_survive(databases: tuple[str, ...], user: str, replicas: int, deleted: bool) -> None:
    spec = ClusterSpec(user, "t", "i", replicas, databases, user, user, deleted=deleted)
    assert decode(ClusterSpec, encode(spec)) == spec


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_times_survive_to_the_last_bit(at: float) -> None:
    view = ClusterView("ready", observed_at=at)
    assert decode(ClusterView, encode(view)).observed_at == at


def test_a_tuple_of_records_is_a_record_too() -> None:
    reasons = (Reason("a", "b"), Reason("c", "d", "e"))
    assert decode(tuple[Reason, ...], encode(reasons)) == reasons
    assert decode(tuple[Reason, ...], encode(())) == ()


def test_equal_records_have_equal_text() -> None:
    assert encode(SPEC) == encode(decode(ClusterSpec, encode(SPEC)))
    assert "\n" not in encode(VIEW)
    assert encode(VIEW).isascii()


def test_text_names_its_schema() -> None:
    assert json.loads(encode(SPEC))["schema"] == SCHEMA


def changed(**changes: Any) -> str:
    return json.dumps({**json.loads(encode(SPEC)), **changes})


def test_a_record_of_a_newer_schema_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(NewerVersion) as caught:
        decode(ClusterSpec, changed(schema=SCHEMA + 1))
    assert caught.value.code == "newer_version"
    assert "as new as" in caught.value.action


def test_the_end_of_a_text_tells_its_schema_without_reading_it() -> None:
    require_known(encode(SPEC))
    require_known("")
    newer = encode(SPEC).removesuffix(f'"schema":{SCHEMA}}}') + f'"schema":{SCHEMA + 1}}}'
    with pytest.raises(NewerVersion):
        require_known(newer)
    with pytest.raises(NewerVersion):
        decode(ClusterSpec, newer)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "1",
        "null",
        "[]",
        "{}",
        '{"schema":1}',
        changed(schema="x"),
        changed(data={}),
        changed(data=[]),
        encode(VIEW),
    ],
)
def test_what_is_no_such_record_is_refused(text: str) -> None:
    with pytest.raises(PermanentError) as caught:
        decode(ClusterSpec, text)
    assert caught.value.code == "bad_record"


def test_a_field_that_came_later_takes_its_default() -> None:
    older = json.loads(encode(SPEC))
    del older["data"]["force"]
    assert decode(ClusterSpec, json.dumps(older)) == SPEC


def test_a_refused_record_shows_none_of_its_content() -> None:
    broken = json.loads(encode(SPEC))
    broken["data"]["admin_line"] = ["hunter2-line"]
    with pytest.raises(PermanentError) as caught:
        decode(ClusterSpec, json.dumps(broken))
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert "admin_line" in caught.value.message


def test_secrets_are_in_no_repr() -> None:
    for record in (SPEC, JOB, MirrorRecord(SPEC, 7, "$argon2id$hash"), ClusterRecord(SPEC, 7, "$argon2id$hash")):
        assert "pbkdf2" not in repr(record)
        assert "argon2id" not in repr(record)
