import time
from dataclasses import replace

import pytest

from api.specs import scaling
from api.submit import TRIES, Accepted, submit_change, submit_creation
from common.change import Change, build_submission, deletion
from common.cluster import ClusterKey, ClusterSpec
from common.errors import NotRebuilt, TemporaryError, UserError
from common.jobs import JobKind
from common.settings import Settings
from common.store.port import ClusterRecord, Refusal, Remembered, Submission, Submitted
from tests.twins.store.store import MemoryStore

KEY = ClusterKey("johny2", "my-test-db1")
SPEC = ClusterSpec("johny2", "my-test-db1", "i1", 3, ("_users", "test"), "johny2", "line")


class Bell:
    def __init__(self) -> None:
        self.rung: list[ClusterKey] = []

    def send(self, key: ClusterKey) -> bool:
        self.rung.append(key)
        return False  # what is lost is no error


class MovingStore(MemoryStore):
    """Somebody else changes the record between each read and write, `times` times."""

    def __init__(self, times: int) -> None:
        super().__init__(time.time)
        self.times = times

    def submit(self, submission: Submission) -> Submitted:
        if self.times > 0 and submission.kind is not JobKind.CREATE:
            self.times -= 1
            return Submitted(None, Refusal.STALE)
        return super().submit(submission)


def submission(change: Change, *, version: int | None = None, job: str = "j1", owner: str = "hash") -> Submission:
    return build_submission(change, owner_hash=owner, version=version, job_id=job, settings=Settings())


def create(store: MemoryStore, bell: Bell, *, job: str = "j1", owner: str = "hash") -> Accepted | None:
    accepted = submit_creation(store, bell, submission(Change(JobKind.CREATE, SPEC), job=job, owner=owner))
    assert not isinstance(accepted, Remembered)
    return accepted


def scale(record: ClusterRecord) -> Submission:
    return submission(scaling(record.spec, replicas=5, force=False), version=record.version, job="j2")


def delete(record: ClusterRecord) -> Submission:
    return submission(deletion(record.spec, force=False), version=record.version, job=f"d{record.version}")


def rebuilt(times: int = 0) -> MovingStore:
    store = MovingStore(times)
    store.rebuild(())
    return store


def test_an_accepted_change_wakes_a_worker() -> None:
    store, bell = rebuilt(), Bell()
    accepted = create(store, bell)
    assert accepted is not None
    assert (accepted.job.id, accepted.spec, bell.rung) == ("j1", SPEC, [KEY])


def test_a_refused_one_wakes_nobody() -> None:
    store, bell = MemoryStore(time.time), Bell()
    with pytest.raises(NotRebuilt):
        create(store, bell)
    with pytest.raises(UserError, match="no cluster"):
        submit_change(store, bell, KEY, scale)
    assert bell.rung == []


def test_a_name_that_was_claimed_meanwhile_has_to_be_proved() -> None:
    store, bell = rebuilt(), Bell()
    create(store, bell)
    assert create(store, bell, job="j2", owner="another hash") is None


def test_a_change_is_computed_again_when_the_record_moved() -> None:
    store, bell = rebuilt(TRIES - 1), Bell()
    create(store, bell)
    seen: list[int] = []

    def make(record: ClusterRecord) -> Submission:
        seen.append(record.version)
        return delete(record)

    assert submit_change(store, bell, KEY, make).spec == replace(SPEC, deleted=True)
    assert len(seen) == TRIES


def test_a_record_that_keeps_moving_is_given_up() -> None:
    store, bell = rebuilt(TRIES), Bell()
    create(store, bell)
    with pytest.raises(TemporaryError) as caught:
        submit_change(store, bell, KEY, delete)
    assert caught.value.code == "contended"


def test_another_job_is_named() -> None:
    store, bell = rebuilt(), Bell()
    create(store, bell)
    with pytest.raises(UserError) as caught:
        submit_change(store, bell, KEY, scale)
    assert (caught.value.code, caught.value.job) == ("job_running", "j1")


def test_a_delete_joins_a_delete_and_nothing_else() -> None:
    store, bell = rebuilt(), Bell()
    create(store, bell)
    first, second = (submit_change(store, bell, KEY, delete).job for _ in range(2))
    assert first is not None
    assert second is not None
    assert second.id == first.id != "j1"


def test_a_cluster_that_is_being_deleted_cannot_change() -> None:
    store, bell = rebuilt(), Bell()
    create(store, bell)
    submit_change(store, bell, KEY, delete)
    with pytest.raises(UserError, match="being deleted"):
        submit_change(store, bell, KEY, scale)
