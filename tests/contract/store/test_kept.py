"""All that Redis holds after a little history is what the file says, and what was kept before is still read."""

import json
from dataclasses import replace
from typing import Any

import pytest

from common.cluster import ClusterKey, Durable
from common.jobs import JobError, JobStatus, Progress
from common.store.admission import Once
from common.store.port import Outcome, Store
from common.view import ConflictCount, Conflicts, Reason
from tests import records
from tests.contract.store.bench import RedisBench
from tests.contract.store.requests import (
    HASH,
    KEY,
    TTL,
    VIEW,
    accepted,
    creation,
    deletion,
    job_of,
    leased,
    record_of,
    scaling,
    settled,
)
from tests.servers import RedisServer

OTHER = ClusterKey("ann", "orders-db")
WORKING = Outcome(
    1.0,
    memory="what decide remembers",
    durable=Durable(leavers=("pod-2",), filled=("u0",), ever_filled=True),
    view=VIEW,
    step="draining",
    progress=Progress(1, 2, ("cdb-x-0: serving",)),
    reasons=(Reason("draining", "14 wait", "cdb-x-2"),),
    conflicts=Conflicts(1.5, "cdb-x-0", (ConflictCount("test", 2, True),)),
    progressed=True,
    progress_window=600.0,
)


def live(bench: RedisBench) -> None:
    """A history after which each kind of key is there: jobs of several ends, one that runs, one that waits."""
    store = bench.store
    store.rebuild(())
    store.claim("worker-1", limit=10, lease=TTL)
    settled(store)
    bench.elapse(1)
    accepted(store, scaling(record_of(store), 2, once=Once("key-1", "salt-1", "mark-1")))
    store.wake(KEY, count_within=60.0)
    store.save(leased(store), WORKING)
    bench.elapse(1)
    accepted(store, creation("job-of-ann", OTHER, owner_hash="$argon2id$of-ann"))
    error = JobError("no_couchdb", "there is no CouchDB", "Install it")
    store.release(leased(store, OTHER), Outcome(5.0, ended=JobStatus.FAILED, error=error))
    accepted(store, deletion(record_of(store, OTHER), "job-delete-ann"))
    store.hold_role("watcher", "worker-1", ttl=30.0)
    store.disable_user("ann", disabled=True)


def read_back(store: Store) -> dict[str, Any]:
    """What the store says of all that `live` did."""
    return {
        "records": [record_of(store), record_of(store, OTHER)],
        "jobs": [*store.jobs(KEY.user), *store.jobs(OTHER.user)],
        "changes": store.changes("job-scale", after=0),
        "remembered": store.remembered(KEY.user, "key-1"),
        "users": store.users(),
        "events": [replace(event, id="") for event in store.events("0-0", block=0.0)],
        "steps": [store.steps(KEY), store.steps(OTHER)],
        "survey": replace(store.survey(), memory=(None, None)),
    }


@pytest.fixture
def redis_bench(shared_redis: RedisServer) -> Any:
    bench = RedisBench(shared_redis)
    yield bench
    bench.close()


def test_redis_holds_what_the_file_says(redis_bench: RedisBench) -> None:
    live(redis_bench)
    records.same(json.dumps(redis_bench.dump(), indent=1, sort_keys=True), "redis")


def test_what_is_there_now_reads_as_what_was_written(redis_bench: RedisBench) -> None:
    live(redis_bench)
    told = read_back(redis_bench.store)
    redis_bench.load(json.loads(records.files("redis")[-1].read_text()))
    redis_bench.elapse(0)
    assert read_back(redis_bench.store) == told
    assert told["records"][0].owner_hash == HASH


@pytest.mark.parametrize("file", records.files("redis"), ids=lambda file: file.name)
def test_kanto_goes_on_from_what_was_kept_before(redis_bench: RedisBench, file: Any) -> None:
    redis_bench.load(json.loads(file.read_text()))
    redis_bench.elapse(2 * TTL)
    store = redis_bench.store
    read_back(store)
    lease = leased(store, owner="worker-2")
    assert lease.job is not None
    store.release(lease, replace(WORKING, view=replace(VIEW, version=lease.record.version), ended=JobStatus.SUCCEEDED))
    assert job_of(store, "job-scale").status is JobStatus.SUCCEEDED
    store.release(leased(store, OTHER), Outcome(30.0, ended=JobStatus.SUCCEEDED, gone=True))
    assert store.cluster(OTHER) is None
