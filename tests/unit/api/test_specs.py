from dataclasses import replace

import pytest

from api import specs
from api.fields import Caller, Databases
from common.change import Change
from common.cluster import ClusterSpec, Drop, Spawner
from common.errors import UserError
from common.jobs import JobKind
from common.settings import Settings

SPEC = ClusterSpec("johny2", "my-test-db1", "i1", 3, ("_users", "test"), "johny2", "line", force=True)


@pytest.mark.parametrize(
    ("settings", "spawner"),
    [
        (Settings(), "process"),
        (Settings().model_copy(update={"platform": "kubernetes"}), "deployment"),
        (Settings(spawner_type="rc").model_copy(update={"platform": "kubernetes"}), "rc"),
    ],
)
def test_a_new_cluster_keeps_the_spawner_of_its_creation(settings: Settings, spawner: Spawner) -> None:
    made = specs.creation(
        caller=Caller("johny2", "Ty5wvW7LuQ3T"),
        tag="my-test-db1",
        replicas=3,
        incarnation="i1",
        admin_name="johny2",
        admin_line="line",
        has_own_password=False,
        settings=settings,
    )
    expected = replace(SPEC, force=False, spawner=spawner, databases=settings.default_databases)
    assert made == Change(JobKind.CREATE, expected, undo=replace(expected, deleted=True))


@pytest.mark.parametrize("user", [None, SPEC.admin_name])
@pytest.mark.parametrize("is_own", [True, False])
def test_another_password_changes_the_line_alone(user: str | None, *, is_own: bool) -> None:
    made = specs.password_change(SPEC, user=user, line="another", is_own=is_own)
    assert made.spec == replace(SPEC, admin_line="another", has_own_password=is_own, force=False)
    assert (made.kind, made.restore, made.undo) == (JobKind.PASSWORD, None, replace(SPEC, force=False))


def test_the_name_of_a_login_stays() -> None:
    with pytest.raises(UserError, match=SPEC.admin_name) as error:
        specs.password_change(SPEC, user="somebody", line="another", is_own=True)
    assert error.value.code == "bad_couchdb_user"


@pytest.mark.parametrize(("replicas", "has_way_back"), [(2, True), (3, False), (4, False)])
def test_only_shrinking_needs_a_way_back(replicas: int, has_way_back: bool) -> None:
    made = specs.scaling(SPEC, replicas=replicas, force=False)
    assert made.spec == replace(SPEC, replicas=replicas, force=False)
    assert made.restore == (replace(SPEC, force=False) if has_way_back else None)
    assert made.undo == replace(SPEC, force=False)


def test_force_is_for_one_job_only() -> None:
    assert specs.scaling(SPEC, replicas=2, force=True).spec.force
    assert not specs.replication(SPEC, Databases(("a",))).spec.force


def test_replication_adds_and_never_takes_away() -> None:
    made = specs.replication(SPEC, Databases(("a", "test")))
    assert made.spec.databases == ("_users", "a", "test")
    assert not made.spec.all_databases
    everything = specs.replication(made.spec, Databases((), everything=True)).spec
    assert everything.all_databases
    assert specs.replication(everything, Databases(("b",))).spec.all_databases


ALL = replace(SPEC, databases=("_users", "a", "test"), all_databases=True)


def test_unreplication_takes_names_off_and_keeps_the_rest() -> None:
    made = specs.unreplication(SPEC, Databases(("never", "test")), drop_id=None)
    after = replace(SPEC, databases=("_users",), force=False)
    assert made == Change(JobKind.UNREPLICATE, after, restore=None, undo=replace(SPEC, force=False))


def test_a_drop_stands_as_long_as_its_job() -> None:
    made = specs.unreplication(SPEC, Databases(("never", "test")), drop_id="d1")
    after = replace(SPEC, databases=("_users",), force=False)
    assert made.spec == replace(after, drop=Drop("d1", ("never", "test")))
    assert (made.restore, made.undo) == (after, replace(SPEC, force=False))


def test_star_off_the_list_leaves_the_names() -> None:
    made = specs.unreplication(ALL, Databases(("a",), everything=True), drop_id=None).spec
    assert (made.databases, made.all_databases) == (("_users", "test"), False)


def test_a_name_cannot_be_left_out_of_everything() -> None:
    with pytest.raises(UserError, match="every database is replicated") as caught:
        specs.unreplication(ALL, Databases(("a",)), drop_id=None)
    assert caught.value.code == "bad_databases"


def test_what_is_dropped_may_be_one_of_everything() -> None:
    made = specs.unreplication(ALL, Databases(("a",)), drop_id="d1").spec
    assert (made.databases, made.all_databases, made.drop) == (("_users", "test"), True, Drop("d1", ("a",)))


@pytest.mark.parametrize("databases", [Databases(("a",), everything=True), Databases(("_users",))])
def test_some_things_are_not_dropped(databases: Databases) -> None:
    with pytest.raises(UserError) as caught:
        specs.unreplication(SPEC, databases, drop_id="d1")
    assert caught.value.code == "bad_databases"
    specs.unreplication(SPEC, databases, drop_id=None)


def test_a_saved_list_has_an_end() -> None:
    full = replace(SPEC, databases=tuple(f"d{number}" for number in range(1000)))
    assert specs.replication(full, Databases(("d1",))).spec.databases == tuple(sorted(full.databases))
    with pytest.raises(UserError) as caught:
        specs.replication(full, Databases(("e",)))
    assert caught.value.code == "bad_databases"


def test_a_canceled_replication_gives_the_saved_list_of_before() -> None:
    assert specs.replication(SPEC, Databases(("a",), everything=True)).undo == replace(SPEC, force=False)
