"""Two versions side by side on one Redis: the one of this source, and the one after it, as api and as worker.

The newer worker is a process of its own. What an api does is done here: the transaction that accepts a request.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from common.errors import NewerVersion
from common.jobs import JobKind, JobStatus
from common.store.port import Submission
from common.wakeup import WakeUps
from tests.contract.store.newer import newer_kanto
from tests.fakes.facts import by_cluster, check_leases
from tests.fakes.fleet import Fleet, build_spec, key_text
from tests.fakes.newer import FIELD, with_field
from tests.servers import RedisServer

OLDER = range(10)
NEWER = range(10, 20)
LATER = range(20, 25)


@pytest.fixture
def fleet(tmp_path: Path, redis_url: str) -> Iterator[Fleet]:
    settings = {"KANTO_LEASE": "10", "KANTO_WORKER_THREADS": "4", "KANTO_UPKEEP_INTERVAL": "600"}
    with Fleet(tmp_path / "fleet", redis_url, servers=80, delay=0.02, settings=settings) as made:
        made.store.rebuild(())
        yield made


@contextmanager
def api_with_a_field_more() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("common.store.fields.encode", with_field)
        yield


def start(fleet: Fleet, *program: str) -> int:
    before = {*fleet.workers}
    fleet.start_workers(1, program=program or ("tests.fakes.worker",))
    (pid,) = {*fleet.workers} - before
    return pid


def kept_spec(server: RedisServer, number: int) -> str:
    spec = build_spec(number, replicas=2)
    client = server.client()
    try:
        return str(client.hget(f"kanto:cluster:{spec.user}/{spec.tag}", "spec"))
    finally:
        client.close()


def scale(fleet: Fleet, redis_url: str, number: int, replicas: int) -> str:
    record = fleet.store.cluster(build_spec(number, replicas=2).key)
    assert record is not None
    spec, job = replace(record.spec, replicas=replicas), f"{1000 + number:032x}"
    accepted = fleet.store.submit(
        Submission(job, JobKind.SCALE, spec, record.owner_hash, record.version, 3600.0, 3600.0, undo=record.spec)
    )
    assert accepted.refusal is None
    WakeUps(redis_url).send(spec.key)
    return job


def test_a_version_with_a_field_more_and_this_one_do_each_others_jobs(
    fleet: Fleet, redis_url: str, shared_redis: RedisServer
) -> None:
    older, newer = start(fleet), start(fleet, "tests.fakes.newer", "field")
    jobs = fleet.create(OLDER, replicas=2)
    with api_with_a_field_more():
        jobs += fleet.create(NEWER, replicas=2)
    fleet.wait_for(jobs)
    for number in NEWER:
        assert FIELD in kept_spec(shared_redis, number), "no worker writes a spec anew"
    with api_with_a_field_more():
        by_newer = [scale(fleet, redis_url, number, 3) for number in OLDER]
    by_older = [scale(fleet, redis_url, number, 3) for number in NEWER]
    fleet.wait_for([*by_newer, *by_older])
    assert all(FIELD in kept_spec(shared_redis, number) for number in OLDER)
    assert all(FIELD not in kept_spec(shared_redis, number) for number in NEWER), "docs/architecture.md says it is lost"
    fleet.stop_workers()
    steps = fleet.steps()
    check_leases(steps)
    assert {step.worker for step in steps} == {older, newer}
    assert any({step.worker for step in own} == {older, newer} for own in by_cluster(steps).values())


def test_what_a_raised_schema_keeps_from_an_older_worker_waits_for_a_newer_one(fleet: Fleet) -> None:
    older = start(fleet)
    with newer_kanto():
        jobs = fleet.create(NEWER, replicas=2)
    keys = {key_text(number) for number in NEWER}
    fleet.wait(lambda: keys <= {e.key for e in fleet.entries() if e.what == "woken"}, "the older worker to be asked")
    fleet.wait_for(fleet.create(OLDER, replicas=2))  # what it may read goes on meanwhile
    with newer_kanto():
        assert {job.status for job in map(fleet.store.job, jobs) if job is not None} == {JobStatus.QUEUED}
    newer = start(fleet, "tests.fakes.newer", "schema")
    with newer_kanto():
        fleet.wait_for(jobs)
    with pytest.raises(NewerVersion):
        fleet.store.job(jobs[0])
    later = fleet.create(LATER, replicas=2)
    with newer_kanto():
        fleet.wait_for(later)
    assert fleet.workers[older].poll() is None, "it did not outlive what it cannot read"
    fleet.stop_workers()
    steps = fleet.steps()
    check_leases(steps)
    assert {step.worker for step in steps if step.key in keys} == {newer}
    assert {step.worker for step in steps if step.key in {key_text(number) for number in OLDER}} >= {older}
