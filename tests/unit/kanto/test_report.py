"""The archive for a report of a mistake: all that helps, and no secret."""

import io
import json
import tarfile

import pytest

from common.cluster import ClusterKey
from common.jobs import JobStatus
from common.store.port import Outcome
from kanto import report
from kanto.refusal import Refusal
from kanto.run.settings import RunSettings
from tests.contract.store.requests import HASH, KEY, VIEW, accepted, creation, leased, record_of, scaling
from tests.twins.store.store import MemoryStore

SECRETS = ("of-johny2", "-pbkdf2", "hunter2hunter2")
SETTINGS = RunSettings(redis_url="redis://:hunter2hunter2@127.0.0.1:6379/0")


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore(lambda: 1_000_000.0)
    made.rebuild(())
    accepted(made, creation())
    memory = '{"schema":1,"data":{"version":7}}'
    made.release(leased(made), Outcome(30.0, memory=memory, view=VIEW, ended=JobStatus.SUCCEEDED))
    accepted(made, scaling(record_of(made), 1))
    made.save(leased(made), Outcome(1.0, step="draining", view=VIEW))
    return made


def test_it_tells_state_plan_and_latest_jobs(store: MemoryStore) -> None:
    files = report.gather(store, KEY, settings=SETTINGS)
    cluster = json.loads(files["cluster.json"])
    assert (cluster["spec"]["replicas"], cluster["view"]["status"]) == (1, "ready")
    assert cluster["memory"]["data"]["version"] == 7
    jobs = json.loads(files["jobs.json"])
    assert {job["kind"] for job in jobs} == {"create", "scale"}
    assert "draining" in {change["step"] for job in jobs for change in job["changes"]}
    assert [(step["step"], step["owner"]) for step in json.loads(files["steps.json"])] == [("draining", "worker-1")]
    assert json.loads(files["service.json"])["clusters"] == 1
    assert json.loads(files["about.json"])["libraries"]["redis"]


def test_no_secret_is_in_it(store: MemoryStore) -> None:
    assert any(secret in repr(HASH) for secret in SECRETS), "the test knows what it looks for"
    told = "".join(report.gather(store, KEY, settings=SETTINGS).values())
    assert not [secret for secret in SECRETS if secret in told]
    assert report.HIDDEN in told


def test_a_cluster_that_is_not_there_is_said(store: MemoryStore) -> None:
    with pytest.raises(Refusal, match="no cluster other-tag"):
        report.gather(store, ClusterKey("johny2", "other-tag"), settings=SETTINGS)


def test_it_is_one_archive_that_its_owner_alone_may_read() -> None:
    file = io.BytesIO()
    report.write(file, {"README": "hello"})
    file.seek(0)
    with tarfile.open(fileobj=file) as archive:
        (entry,) = archive.getmembers()
        assert (entry.name, entry.mode) == ("kanto-report/README", 0o600)
        content = archive.extractfile(entry)
        assert content is not None
        assert content.read() == b"hello"
