"""What a step takes from its lease."""

from dataclasses import replace

import pytest

from common.jobs import Job, JobKind, JobStatus
from common.store.port import ClusterRecord, Lease
from tests.unit.worker.core.world import NOW, spec
from worker.step import spec_of

FORCED = replace(spec(2), force=True)


def lease(job_version: int | None) -> Lease:
    """Of a record of version 4, and of an unfinished job that came with that version of the spec, if any."""
    job = (
        None if job_version is None else Job("j", FORCED.key, JobKind.SCALE, JobStatus.RUNNING, job_version, NOW, 0, 0)
    )
    record = ClusterRecord(FORCED, version=4, owner_hash="$argon2id$hash")
    return Lease(FORCED.key, "worker", 1, ttl=15.0, now=NOW, wake_seen=0, record=record, job=job)


def test_force_is_the_word_of_the_job_that_brought_it() -> None:
    assert spec_of(lease(4)) == FORCED


@pytest.mark.parametrize("job_version", [3, None])
def test_force_ends_with_its_job(job_version: int | None) -> None:
    """An instance too many that comes later, one that the platform itself made, is proved like any other."""
    assert spec_of(lease(job_version)) == replace(FORCED, force=False)
