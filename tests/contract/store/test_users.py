"""What an operator does to users."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from common.cluster import ClusterKey
from common.errors import NotRebuilt, UserError
from common.jobs import JobKind, JobStatus
from common.store.admission import Knock, User
from common.store.port import Outcome, Refusal, Store
from tests.contract.store.bench import Bench
from tests.contract.store.requests import (
    HASH,
    KEY,
    accepted,
    creation,
    deletion,
    due,
    job_of,
    leased,
    record_of,
    scaling,
    settled,
    spec_of,
)

LINE = "-pbkdf2:sha256-11,of-another-token,1"
OTHER = ClusterKey(KEY.user, "another-one")


def refused(command: Callable[[], None]) -> str:
    with pytest.raises(UserError) as error:
        command()
    return error.value.code


def test_users_are_told_by_name(store: Store) -> None:
    settled(store)
    store.add_user("ann", "hash")
    store.disable_user("ann", disabled=True)
    assert store.users() == (User("ann", True, 0), User(KEY.user, False, 1))


def test_a_user_that_was_added_is_known(store: Store) -> None:
    store.add_user("ann", "hash")
    assert store.owner_hash("ann") == "hash"
    assert refused(lambda: store.add_user("ann", "other")) == "user_exists"
    assert store.owner_hash("ann") == "hash"


def test_nothing_is_done_to_users_before_the_first_rebuild(new_bench: Bench) -> None:
    store = new_bench.store
    with pytest.raises(NotRebuilt):
        store.add_user("ann", "hash")
    with pytest.raises(NotRebuilt):
        store.give_token("ann", "hash", LINE)
    with pytest.raises(NotRebuilt):
        store.remove_user("ann")


def test_there_must_be_such_a_user(store: Store) -> None:
    assert refused(lambda: store.give_token("ann", "hash", LINE)) == "no_such_user"
    assert refused(lambda: store.disable_user("ann", disabled=True)) == "no_such_user"
    assert refused(lambda: store.remove_user("ann")) == "no_such_user"


def test_a_disabled_user_is_nobody_until_enabled(store: Store) -> None:
    settled(store)
    store.disable_user(KEY.user, disabled=True)
    assert store.owner_hash(KEY.user) is None
    assert store.admit(Knock(KEY.user, HASH)).owner_hash is None
    assert record_of(store).owner_hash == HASH, "what the mirror is given"
    store.disable_user(KEY.user, disabled=False)
    assert store.owner_hash(KEY.user) == HASH


def test_nobody_enrols_as_a_disabled_user(store: Store) -> None:
    store.add_user(KEY.user, HASH)
    store.disable_user(KEY.user, disabled=True)
    assert store.submit(creation()).refusal is Refusal.TAKEN


def test_a_new_token_moves_the_versions_so_that_mirrors_learn_of_it(store: Store) -> None:
    before = settled(store)
    store.give_token(KEY.user, "another", LINE)
    after = record_of(store)
    assert after.version > before.version
    assert (after.owner_hash, after.spec) == ("another", replace(before.spec, admin_line=LINE))
    assert due(store) == (KEY,)


def test_a_job_goes_on_under_a_new_token(store: Store) -> None:
    before = settled(store)
    accepted(store, scaling(before, 1))
    lease = leased(store)
    store.give_token(KEY.user, "another", LINE)
    store.release(lease, Outcome(30.0, ended=JobStatus.SUCCEEDED))
    assert job_of(store, "job-scale").status is JobStatus.RUNNING, "that lease was of the version before"
    store.release(leased(store), Outcome(30.0, ended=JobStatus.FAILED))
    back = record_of(store).spec
    assert back == replace(before.spec, admin_line=LINE), "a scale-down that fails brings back all but the old login"


def test_a_password_of_the_clusters_own_stays_under_a_new_token(store: Store) -> None:
    own = spec_of(has_own_password=True)
    accepted(store, creation(spec=own))
    accepted(store, creation("job-other", OTHER))
    store.give_token(KEY.user, "another", LINE)
    assert record_of(store).spec == own
    assert record_of(store, OTHER).spec.admin_line == LINE


def test_a_cancel_after_a_new_token_brings_back_a_login_by_the_new_token(store: Store) -> None:
    before = settled(store)
    own = replace(before.spec, admin_line="own", has_own_password=True)
    accepted(store, scaling(before, 3, "job-password", kind=JobKind.PASSWORD, spec=own))
    store.give_token(KEY.user, "another", LINE)
    assert record_of(store).spec == own
    store.cancel(KEY.user, "job-password")
    assert record_of(store).spec == replace(before.spec, admin_line=LINE)


def test_a_new_token_leaves_a_cluster_that_is_gone(store: Store) -> None:
    settled(store)
    accepted(store, deletion(record_of(store)))
    store.release(leased(store), Outcome(30.0, ended=JobStatus.SUCCEEDED, gone=True, gone_for=300.0))
    before = leased(store)
    store.release(before, Outcome(30.0))
    store.give_token(KEY.user, "another", LINE)
    assert leased(store).record.version == before.record.version


def test_versions_move_with_a_disabled_user_so_that_mirrors_learn_of_it(store: Store) -> None:
    before = settled(store)
    assert not before.is_disabled
    for _ in range(2):
        store.disable_user(KEY.user, disabled=True)
    after = record_of(store)
    assert (after.is_disabled, after.spec, due(store)) == (True, before.spec, (KEY,))
    assert leased(store).record == after
    assert after.version > before.version
    store.disable_user(KEY.user, disabled=False)
    assert not record_of(store).is_disabled


def test_a_user_with_clusters_is_not_removed(bench: Bench) -> None:
    store = bench.store
    settled(store)
    with pytest.raises(UserError, match=KEY.tag):
        store.remove_user(KEY.user)
    accepted(store, deletion(record_of(store)))
    store.release(leased(store), Outcome(30.0, ended=JobStatus.SUCCEEDED, gone=True, gone_for=300.0))
    assert refused(lambda: store.remove_user(KEY.user)) == "user_has_clusters"
    bench.elapse(300)
    due(store)
    store.remove_user(KEY.user)
    assert store.users() == ()
    assert store.owner_hash(KEY.user) is None
    store.add_user(KEY.user, "hash of somebody else")
