"""Every kind of record, with each of its fields in use, is written as its file says; those of before are still read."""

import json
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass

import pytest

from common.cluster import ClusterSpec, Drop, Durable, Loss, MirrorRecord
from common.codec import decode, encode
from common.jobs import Job, JobError, JobKind, JobStatus, Progress
from common.store.port import ClusterRecord
from common.view import ClusterView, ConflictCount, Conflicts, InstanceView, LinkView, Reason, ReplicationView
from tests import records
from worker.core.memory import Crash, Home, Leaving, Memory
from worker.core.observed import Proof
from worker.platforms.login import Login
from worker.platforms.process.anchor import Anchor
from worker.platforms.process.identity import Identity
from worker.platforms.process.starts import Starts

SPEC = ClusterSpec(
    user="johny2",
    tag="my-test-db1",
    incarnation="0f1e2d3c",
    replicas=3,
    databases=("_users", "test"),
    admin_name="ann",
    admin_line="-pbkdf2:sha256-00,salt,1",
    spawner="deployment",
    all_databases=True,
    deleted=True,
    force=True,
    drop=Drop("d-1", ("old",)),
    has_own_password=True,
)
DURABLE = Durable(
    leavers=("pod-2",),
    filled=("u0", "u1"),
    ever_filled=True,
    losses=(Loss("cdb-x-1", "u9", 7, "its volume is gone"),),
    data_lost_in=7,
    dropped="d-0",
)
REASON = Reason("link_stalled", "14 changes wait", "cdb-x-1")
VIEW = ClusterView(
    status="degraded",
    reasons=(REASON,),
    endpoint="http://127.0.0.1:20000",
    namespace="couch",
    instances=(InstanceView("cdb-x-0", "http://127.0.0.1:20001", "serving", "u0", 12.5),),
    links=(LinkView("cdb-x-0", "cdb-x-1", (ReplicationView("test", "running", 14, 1),)),),
    databases=("_users", "test"),
    observed_at=1_795_571_451.259,
    version=1_795_571_451_001,
)
CONFLICTS = Conflicts(1_795_571_451.5, "cdb-x-0", (ConflictCount("test", 2, True),))
ERROR = JobError("deadline", "it was not done", "Ask again")
PROOF = Proof("test", "cdb-x-0", "u0", "1", "2", since="14-abc", documents=12, total=14, missing=2, is_complete=True)
LEAVING = Leaving(
    nonce="n-1",
    withdrawn_at=3.5,
    is_fenced=True,
    targets=("cdb-x-0",),
    databases=("test",),
    proofs=(PROOF,),
    proved_at=4.5,
    waits=("2 of 14 are missing",),
)
MEMORY = Memory(
    durable=DURABLE,
    settled_replicas=3,
    homes={"pod-0": Home("cdb-x-0", "u0", passed_at=5.5, unsaved=("other",))},
    retiring={"pod-2": "u2"},
    removed=True,
    unfilled_first_up_at=1.5,
    states={"cdb-x-0": ("serving", 2.5)},
    down={"cdb-x-1": 6.5},
    kicks={"cdb-x-0>cdb-x-1>test": (2, 7.5)},
    reached={"cdb-x-0>cdb-x-1>test": "u1"},
    passing={"cdb-x-0>cdb-x-1>test": ("14-abc", 8.5)},
    crashed={"cdb-x-0>cdb-x-1>test": Crash(9.5, 30.5, "13-abc", "econnrefused")},
    leaving={"pod-2": LEAVING},
    gone_points=4,
    forced=("cdb-x-2",),
    version=7,
    best=5,
    flow=6,
    waiting=("filling",),
    moved_at=9.5,
    told=("u9",),
    mirrored=(7, DURABLE),
    security={"test": "digest-1"},
    security_apart={"u1 test": "digest-2"},
    security_disputed=("test",),
    security_cursor="test",
    security_after=10.5,
    looked_at=11.5,
    refusing={"cdb-x-1": (3, 12.5, "disk full")},
    provision_after=13.5,
    drain_after=14.5,
    retire_after=15.5,
    remove_after=16.5,
    failures=8,
)
JOB = Job(
    id="0123456789abcdef0123456789abcdef",
    key=SPEC.key,
    kind=JobKind.SCALE,
    status=JobStatus.FAILED,
    version=7,
    created_at=1.001,
    deadline_at=2.0,
    progress_deadline_at=3.0,
    request_id="request-1",
    started_at=1.5,
    ended_at=2.5,
    step="draining",
    progress=Progress(1, 2, ("cdb-x-0: serving",)),
    reasons=(REASON,),
    result=VIEW,
    error=ERROR,
    restore=SPEC,
    undo=SPEC,
    is_sealed=True,
    revision=9,
)
MIRROR = MirrorRecord(SPEC, 7, "$argon2id$hash", DURABLE, 8, is_disabled=True)
RECORDS: dict[str, object] = {
    "spec": SPEC,
    "durable": DURABLE,
    "view": VIEW,
    "conflicts": CONFLICTS,
    "progress": JOB.progress,
    "job-error": ERROR,
    "memory": MEMORY,
    "mirror": MIRROR,
    "anchor": Anchor("johny2", "my-test-db1", "0f1e2d3c", 8, port=20_000, record=MIRROR),
    "login": Login(name="kanto-1", password="password-1", line="-pbkdf2:sha256-11,salt,1", secret="secret-1"),
    "identity": Identity(ordinal=1, incarnation="0f1e2d3c", uuid="u0", port=20_001),
    "starts": Starts(2, 3.5, "port 20001 is taken"),
}
"""What is kept as text, by the name of its files. A job and a cluster are hashes: tests/contract/store/test_kept.py."""

PARTS: list[object] = [
    *RECORDS.values(),
    JOB,
    ClusterRecord(SPEC, 7, "h", "m", DURABLE, VIEW, "j", True, CONFLICTS, True),
]


def all_in(value: object) -> Iterator[object]:
    """The value, and the dataclasses that it is made of."""
    if is_dataclass(value):
        yield value
        for field in fields(value):
            yield from all_in(getattr(value, field.name))
    elif isinstance(value, tuple):
        for one in value:
            yield from all_in(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from all_in(one)


def default(field: "Field[object]") -> object:
    return field.default_factory() if field.default_factory is not MISSING else field.default


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_is_written_as_its_file_says(kind: str) -> None:
    records.same(encode(RECORDS[kind]), kind)


@pytest.mark.parametrize("kind", RECORDS)
def test_every_record_of_before_is_read_and_nothing_of_it_is_lost(kind: str) -> None:
    known = records.files(kind)
    assert known
    for file in known:
        old = file.read_text()
        again = encode(decode(type(RECORDS[kind]), old))
        assert records.is_kept(json.loads(old)["data"], json.loads(again)["data"]), file
    assert decode(type(RECORDS[kind]), known[-1].read_text()) == RECORDS[kind]


def test_the_files_are_of_records_that_use_every_field() -> None:
    unused = {
        f"{type(part).__name__}.{field.name}"
        for record in PARTS
        for part in all_in(record)
        if is_dataclass(part)
        for field in fields(part)
        if getattr(part, field.name) == default(field)
    }
    assert unused == set(), "a field that has its default shows nothing of how it is written"


def test_every_file_is_of_a_kind_that_is_looked_at() -> None:
    kinds = {file.name.split(".")[0] for file in records.FOLDER.iterdir()}
    assert kinds == {*RECORDS, "redis"}
