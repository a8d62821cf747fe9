from dataclasses import replace

import pytest

from common.change import Change, build_submission, deadlines, deletion
from common.cluster import ClusterSpec
from common.jobs import JobKind
from common.settings import Settings

SPEC = ClusterSpec("johny2", "my-test-db1", "i1", 3, ("_users", "test"), "johny2", "line", force=True)


def test_deletion_comes_back_by_a_cancel_only() -> None:
    deleted = replace(SPEC, deleted=True, force=False)
    made = deletion(SPEC, force=False)
    assert made == Change(JobKind.DELETE, deleted, restore=None, undo=replace(SPEC, force=False))
    assert deletion(deleted, force=False).undo is None


@pytest.mark.parametrize("kind", list(JobKind))
def test_every_kind_of_job_has_an_end(kind: JobKind) -> None:
    whole, progress = deadlines(kind, Settings())
    assert 0 < progress <= whole <= 3600


def test_what_the_store_is_given_has_the_change_and_the_ends_of_its_kind() -> None:
    change = replace(deletion(SPEC, force=False), restore=SPEC)
    settings = Settings(deadline_delete=40, deadline_progress=20)
    given = build_submission(change, owner_hash="hash", version=7, job_id="j1", settings=settings, request_id="r1")
    assert Change(given.kind, given.spec, given.restore, given.undo) == change
    assert (given.deadline, given.progress_deadline) == (40, 20)
    assert (given.owner_hash, given.expected_version, given.job_id, given.request_id) == ("hash", 7, "j1", "r1")
