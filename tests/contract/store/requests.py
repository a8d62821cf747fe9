"""Requests, steps and whole little histories for the store's tests."""

from dataclasses import replace
from typing import Any

from common.cluster import ClusterKey, ClusterSpec
from common.jobs import Job, JobKind, JobStatus
from common.store.port import ClusterRecord, Lease, Outcome, Store, Submission
from common.view import ClusterView

KEY = ClusterKey("johny2", "my-test-db1")
HASH = "$argon2id$of-johny2"
TTL = 15.0
VIEW = ClusterView("ready", endpoint="http://127.0.0.1:20000", databases=("_users", "test"), observed_at=1.5, version=7)


def spec_of(key: ClusterKey = KEY, **changes: Any) -> ClusterSpec:
    whole = ClusterSpec(
        user=key.user,
        tag=key.tag,
        incarnation="first",
        replicas=3,
        databases=("_users", "test"),
        admin_name=key.user,
        admin_line="-pbkdf2:sha256-00,salt,1",
    )
    return replace(whole, **changes)


def creation(job_id: str = "job-create", key: ClusterKey = KEY, **changes: Any) -> Submission:
    whole = Submission(
        job_id=job_id,
        kind=JobKind.CREATE,
        spec=spec_of(key),
        owner_hash=HASH,
        expected_version=None,
        deadline=3600.0,
        progress_deadline=600.0,
        request_id="request-1",
        undo=spec_of(key, deleted=True),
    )
    return replace(whole, **changes)


def scaling(record: ClusterRecord, replicas: int, job_id: str = "job-scale", **changes: Any) -> Submission:
    """A scale from what the record says; a smaller one brings the former spec back if it fails."""
    spec = replace(record.spec, replicas=replicas)
    whole = Submission(
        job_id=job_id,
        kind=JobKind.SCALE,
        spec=spec,
        owner_hash=HASH,
        expected_version=record.version,
        deadline=3600.0,
        progress_deadline=600.0,
        restore=record.spec if replicas < record.spec.replicas else None,
        undo=record.spec,
    )
    return replace(whole, **changes)


def deletion(record: ClusterRecord, job_id: str = "job-delete", **changes: Any) -> Submission:
    whole = Submission(
        job_id=job_id,
        kind=JobKind.DELETE,
        spec=replace(record.spec, deleted=True),
        owner_hash=HASH,
        expected_version=record.version,
        deadline=600.0,
        progress_deadline=600.0,
        undo=record.spec,
    )
    return replace(whole, **changes)


def accepted(store: Store, submission: Submission) -> Job:
    answer = store.submit(submission)
    assert answer.refusal is None
    assert answer.job is not None
    return answer.job


def record_of(store: Store, key: ClusterKey = KEY) -> ClusterRecord:
    record = store.cluster(key)
    assert record is not None
    return record


def job_of(store: Store, job_id: str) -> Job:
    job = store.job(job_id)
    assert job is not None
    return job


def leased(store: Store, key: ClusterKey = KEY, *, owner: str = "worker-1", ttl: float = TTL) -> Lease:
    lease = store.acquire(key, owner, ttl=ttl)
    assert lease is not None
    return lease


def settled(store: Store, job_id: str = "job-create", key: ClusterKey = KEY) -> ClusterRecord:
    """A cluster that was created and is well: no job, next due in half a minute."""
    accepted(store, creation(job_id, key))
    store.release(leased(store, key), Outcome(30.0, view=VIEW, ended=JobStatus.SUCCEEDED))
    return record_of(store, key)


def due(store: Store, *, limit: int = 100, lease: float = TTL) -> tuple[ClusterKey, ...]:
    return store.claim("worker-1", limit=limit, lease=lease).keys
