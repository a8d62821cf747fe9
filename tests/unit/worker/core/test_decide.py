"""Each rule of `decide`, on one look at a time."""

from dataclasses import replace

from worker.core import remember
from worker.core.actions import (
    Action,
    Apply,
    CreateDatabases,
    DeleteFills,
    DeleteReplications,
    Done,
    Fence,
    Plan,
    Provision,
    PutFills,
    PutLogin,
    PutReplications,
    Remove,
    Serve,
    Wait,
)
from worker.core.memory import Memory
from worker.core.observed import Down, Fill, Node, Observed, Platformed, Replication, Unknown
from worker.core.ring import Wanted

from . import world
from .world import NOW, POLICY, decided, name, node, remembered, whole, with_instance, with_node, with_replication


def actions(plan: Plan) -> tuple[Action, ...]:
    assert isinstance(plan, Apply), plan
    return plan.actions


def codes(plan: Plan) -> list[str]:
    return [reason.code for reason in plan.reasons]


def test_the_plan_of_a_whole_cluster_is_empty() -> None:
    plan, _ = decided(whole(), remembered())
    assert plan == Done("ready")


def test_a_platform_that_cannot_be_read_is_waited_for_and_nothing_else() -> None:
    plan, memory = decided(Observed(Unknown("API server away")), remembered())
    assert isinstance(plan, Wait)
    assert codes(plan) == ["platform_unknown"]
    assert memory.durable == remembered().durable


def test_a_new_cluster_is_provisioned() -> None:
    plan, _ = decided(Observed(Platformed()), Memory())
    assert actions(plan) == (Provision(()),)


def test_an_endpoint_without_an_address_is_named_and_waited_for() -> None:
    """A load balancer's comes late."""
    seen = whole(3)
    assert isinstance(seen.platform, Platformed)
    homeless = replace(seen, platform=replace(seen.platform, endpoint=None))
    plan, memory = decided(homeless, remembered(3))
    assert actions(plan) == (Provision(("id0", "id1", "id2")),)
    assert codes(plan) == ["endpoint_missing"]
    plan, _ = decided(homeless, replace(memory, provision_after=NOW + 1))
    assert isinstance(plan, Wait)
    assert codes(plan) == ["endpoint_missing"]


def test_provision_keeps_every_instance_that_is_there() -> None:
    plan, _ = decided(whole(3), remembered(3), what=world.spec(5))
    assert actions(plan) == (Provision(("id0", "id1", "id2")),)


def test_instances_that_are_starting_are_waited_for_by_name() -> None:
    seen = Observed(whole().platform, {name(n): Down("connection refused") for n in range(3)})
    plan, _ = decided(seen, Memory())
    assert isinstance(plan, Wait)
    assert [reason.instance for reason in plan.reasons] == [name(0), name(1), name(2)]
    assert "connection refused" in plan.reasons[0].text


def test_a_wait_is_short_at_first_and_calmer_later() -> None:
    seen = with_node(whole(), 1, Down("away"))
    first, memory = decided(seen, remembered())
    later, _ = decided(seen, memory, now=NOW + 20)
    assert isinstance(first, Wait)
    assert isinstance(later, Wait)
    assert 0 < first.until - NOW < later.until - (NOW + 20) <= 5


def test_a_new_cluster_is_born_filled_when_all_its_instances_answer() -> None:
    two = with_node(whole(), 2, Down("connection refused"))
    _, before = decided(two, Memory())
    assert before.durable.filled == ()
    _, after = decided(whole(), before)
    assert after.durable.filled == ("uuid0", "uuid1", "uuid2")
    assert after.durable.ever_filled
    assert after.durable.data_lost_in is None


def test_a_new_cluster_does_not_wait_for_ever_for_its_last_instance_before_it_serves() -> None:
    two = with_node(whole(), 2, Down("connection refused"))
    _, memory = decided(two, Memory())
    _, memory = decided(two, memory, now=NOW + 31)
    assert memory.durable.filled == ("uuid0", "uuid1")


def test_databases_are_made_where_they_are_missing() -> None:
    seen = with_node(whole(), 1, node(1, targets=[2], databases=("_users",)))
    plan, _ = decided(seen, remembered())
    assert actions(plan) == (CreateDatabases(name(1), ("test",), like=(("test", name(0)),)),)


def test_a_database_is_made_as_one_that_is_up_has_it() -> None:
    seen = with_node(whole(), 1, node(1, targets=[2], databases=("_users",)))
    seen = with_instance(seen, world.instance(0, serving=False))
    memory = remembered()
    durable = replace(memory.durable, filled=("uuid1", "uuid2"))
    plan, _ = decided(seen, replace(memory, durable=durable))
    assert CreateDatabases(name(1), ("test",), like=(("test", name(2)),)) in actions(plan)


def test_what_nobody_has_and_the_systems_own_are_made_as_usual() -> None:
    seen = with_node(whole(), 1, node(1, targets=[2], databases=("test",)))
    plan, _ = decided(seen, remembered(), what=world.spec(databases=("_users", "new", "test")))
    assert CreateDatabases(name(1), ("_users", "new")) in actions(plan)


def test_a_database_that_a_silent_instance_may_have_is_not_made_before_it_is_bridged() -> None:
    """It may be there in another way, partitioned say, and the two would refuse each other's documents."""
    seen = with_node(whole(), 1, Down("connection refused"))
    what = world.spec(databases=("_users", "new", "test"))
    plan, memory = decided(seen, remembered(), what=what)
    assert "database_unknown" in codes(plan)
    plan, memory = decided(seen, memory, what=what, now=NOW + POLICY.bridge_after - 1)
    assert not isinstance(plan, Apply) or not [a for a in plan.actions if isinstance(a, CreateDatabases)]
    plan, _ = decided(seen, memory, what=what, now=NOW + POLICY.bridge_after)
    assert actions(plan) == tuple(CreateDatabases(name(n), ("new",)) for n in (0, 2))


def test_the_databases_of_a_new_cluster_wait_for_nobody() -> None:
    seen = with_node(whole(), 0, node(0, targets=[1], databases=()))
    seen = with_node(with_node(seen, 1, Down("not yet")), 2, Down("not yet"))
    plan, _ = decided(seen, Memory())
    assert actions(plan) == (CreateDatabases(name(0), ("_users", "test")),)


def test_all_databases_means_those_found_anywhere_but_the_systems_own() -> None:
    seen = with_node(whole(), 0, node(0, targets=[1], databases=("_users", "test", "zebra")))
    plan, _ = decided(seen, remembered(), what=replace(world.spec(), all_databases=True))
    assert actions(plan) == tuple(CreateDatabases(name(n), ("zebra",), like=(("zebra", name(0)),)) for n in (1, 2))


def test_a_missing_replication_is_put() -> None:
    wanted = Wanted(name(0), name(1), "test")
    plan, _ = decided(with_replication(whole(), 0, None, was=wanted), remembered())
    assert actions(plan) == (PutReplications(name(0), (wanted,)),)


def test_an_altered_replication_is_put_back() -> None:
    wanted = Wanted(name(0), name(1), "test")
    altered = Replication("test", name(1), is_sound=False, state="running")
    plan, _ = decided(with_replication(whole(), 0, altered, was=wanted), remembered())
    assert actions(plan) == (PutReplications(name(0), (wanted,)),)


def test_a_replication_in_back_off_is_kicked_while_its_target_answers() -> None:
    wanted = Wanted(name(0), name(1), "test")
    crashing = Replication("test", name(1), is_sound=True, state="crashing", error="econnrefused")
    plan, memory = decided(with_replication(whole(), 0, crashing, was=wanted), remembered())
    assert actions(plan) == (PutReplications(name(0), (wanted,)),)
    again, _ = decided(with_replication(whole(), 0, crashing, was=wanted), memory, now=NOW + 1)
    assert isinstance(again, Wait), "not at every look"
    later, _ = decided(with_replication(whole(), 0, crashing, was=wanted), memory, now=NOW + 6)
    assert actions(later) == (PutReplications(name(0), (wanted,)),)


def test_a_replication_that_was_written_before_its_target_answered_is_written_again_at_once() -> None:
    """However lately that was: it waits in back-off for a target that had not been there to try."""
    wanted = Wanted(name(0), name(1), "test")
    key = f"{name(0)}>{name(1)}>test"
    known = {other: uuid for other, uuid in remembered().reached.items() if other != key}
    memory = replace(remembered(), reached=known, kicks={key: (1, NOW - 0.5)})
    crashing = Replication("test", name(1), is_sound=True, state="crashing", error="econnrefused")
    seen = with_replication(whole(), 0, crashing, was=wanted)
    plan, memory = decided(seen, memory)
    assert actions(plan) == (PutReplications(name(0), (wanted,)),)
    memory = remember.carried_out(memory, actions(plan), seen)
    again, _ = decided(seen, memory, now=NOW + 1)
    assert isinstance(again, Wait), "once"


def test_a_replication_to_an_instance_that_is_down_is_left_alone() -> None:
    wanted = Wanted(name(0), name(1), "test")
    crashing = Replication("test", name(1), is_sound=True, state="crashing")
    seen = with_node(with_replication(whole(), 0, crashing, was=wanted), 1, Down("connection refused"))
    plan, _ = decided(seen, remembered())
    assert isinstance(plan, Wait)


def test_a_replication_that_stands_still_for_a_minute_is_told_and_kicked() -> None:
    wanted = Wanted(name(0), name(1), "test")
    still = Replication("test", name(1), is_sound=True, state="running", pending=14, refused=0, progress="7")
    seen = with_replication(whole(), 0, still, was=wanted)
    _, memory = decided(seen, remembered())
    plan, memory = decided(seen, memory, now=NOW + 59)
    assert isinstance(plan, Done)
    plan, memory = decided(seen, memory, now=NOW + 61)
    assert actions(plan) == (PutReplications(name(0), (wanted,)),)
    plan, _ = decided(seen, memory, now=NOW + 62)
    assert "link_stalled" in codes(plan)
    assert "14 changes wait" in next(r.text for r in plan.reasons if r.code == "link_stalled")


def test_a_replication_that_does_not_start_is_written_again() -> None:
    wanted = Wanted(name(0), name(1), "test")
    waiting = Replication("test", name(1), is_sound=True, state="initializing")
    seen = with_replication(whole(), 0, waiting, was=wanted)
    plan, memory = decided(seen, remembered())
    assert codes(plan) == ["link_not_running"]
    plan, memory = decided(seen, memory, now=NOW + 19)
    assert isinstance(plan, Wait)
    plan, _ = decided(seen, memory, now=NOW + 21)
    assert actions(plan) == (PutReplications(name(0), (wanted,)),)


def test_a_new_instance_is_filled_from_its_predecessor_before_it_serves() -> None:
    seen = with_instance(whole(4), world.instance(3, serving=False))
    plan, memory = decided(seen, remembered(3), what=world.spec(4))
    assert actions(plan) == (PutFills(name(3), name(2), ("_users", "test")),)
    fills = tuple(Fill(database, name(2), "running") for database in world.DATABASES)
    old = seen.nodes[name(3)]
    assert isinstance(old, Node)
    waiting, memory = decided(with_node(seen, 3, replace(old, fills=fills)), memory, what=world.spec(4))
    assert codes(waiting) == ["filling"]
    done = tuple(replace(fill, state="completed") for fill in fills)
    plan, memory = decided(with_node(seen, 3, replace(old, fills=done)), memory, what=world.spec(4))
    assert actions(plan) == (Serve((name(0), name(1), name(2), name(3))),)
    assert "uuid3" in memory.durable.filled


def test_a_fill_in_back_off_is_begun_anew_and_not_too_often() -> None:
    seen = with_instance(whole(4), world.instance(3, serving=False))
    _, memory = decided(seen, remembered(3), what=world.spec(4))
    fills = (Fill("_users", name(2), "completed"), Fill("test", name(2), "crashing"))
    found = seen.nodes[name(3)]
    assert isinstance(found, Node)
    stuck = with_node(seen, 3, replace(found, fills=fills))
    plan, memory = decided(stuck, memory, what=world.spec(4), now=NOW + 1)
    assert isinstance(plan, Wait)
    plan, memory = decided(stuck, memory, what=world.spec(4), now=NOW + 6)
    assert actions(plan) == (DeleteFills(name(3)),)
    plan, _ = decided(seen, memory, what=world.spec(4), now=NOW + 6.1)
    assert actions(plan) == (PutFills(name(3), name(2), ("_users", "test")),)


def test_an_instance_that_came_back_empty_is_withdrawn_and_filled_again() -> None:
    seen = with_node(whole(), 1, node(1, targets=[2], uuid="another"))
    plan, memory = decided(seen, remembered())
    assert actions(plan) == (Serve((name(0), name(2))),)
    seen = with_instance(seen, world.instance(1, serving=False))
    plan, memory = decided(seen, memory)
    into = tuple(Wanted(name(0), name(1), database) for database in world.DATABASES)
    assert actions(plan) == (PutReplications(name(0), into),), "its links begin anew: they knew other data"
    memory = remember.carried_out(memory, actions(plan), seen)
    plan, _ = decided(seen, memory)
    assert actions(plan) == (PutFills(name(1), name(0), ("_users", "test")),)


def test_the_links_into_a_database_that_was_made_again_begin_anew() -> None:
    seen = with_node(whole(), 1, node(1, targets=[2], databases=("_users",)))
    plan, memory = decided(seen, remembered())
    assert actions(plan) == (CreateDatabases(name(1), ("test",), like=(("test", name(0)),)),)
    memory = remember.carried_out(memory, actions(plan), seen)
    plan, _ = decided(whole(), memory)
    assert actions(plan) == (PutReplications(name(0), (Wanted(name(0), name(1), "test"),)),)


def test_an_instance_that_is_silent_keeps_its_place_behind_the_endpoint() -> None:
    plan, _ = decided(with_node(whole(), 1, Down("connection refused")), remembered())
    assert isinstance(plan, Wait)


def test_the_endpoint_is_never_left_without_an_instance() -> None:
    seen = Observed(whole().platform, {name(n): node(n, uuid=f"new{n}") for n in range(3)})
    seen = with_node(seen, 2, Unknown("timed out"))
    memory = remembered()
    for _ in range(5):
        plan, memory = decided(seen, memory)
        if isinstance(plan, Apply):
            assert not any(isinstance(action, Serve) and not action.names for action in plan.actions)


def test_when_every_instance_came_back_empty_they_serve_and_the_loss_is_told() -> None:
    seen = Observed(whole().platform, {name(n): node(n, targets=[(n + 1) % 3], uuid=f"new{n}") for n in range(3)})
    memory = replace(remembered(), reached={key: f"new{key.split('>')[1][-1]}" for key in remembered().reached})
    plan, memory = decided(seen, memory)
    assert plan == Done("degraded", plan.reasons)
    assert codes(plan) == ["data_lost"]
    told, memory = decided(seen, memory, now=NOW + 1000)
    assert codes(told) == ["data_lost"], "until somebody changes something"
    acknowledged, _ = decided(seen, memory, version=2)
    assert acknowledged == Done("ready")


def test_data_is_not_called_lost_while_an_instance_that_may_have_it_is_silent() -> None:
    seen = Observed(whole().platform, {name(n): node(n, uuid=f"new{n}") for n in range(3)})
    _, memory = decided(with_node(seen, 2, Down("connection refused")), remembered())
    assert memory.durable.data_lost_in is None


def test_what_is_not_wanted_goes_once_everything_wanted_runs() -> None:
    extra = Replication("old", name(1), is_sound=True, state="running")
    seen = whole()
    first = seen.nodes[name(0)]
    assert isinstance(first, Node)
    seen = with_node(seen, 0, replace(first, replications=(*first.replications, extra)))
    plan, _ = decided(seen, remembered())
    assert actions(plan) == (DeleteReplications(name(0), (Wanted(name(0), name(1), "old"),)),)
    starting = replace(world.replication(seen, 1, 2, "test"), state="initializing")
    waits, _ = decided(with_replication(seen, 1, starting, was=Wanted(name(1), name(2), "test")), remembered())
    assert isinstance(waits, Wait), "make before break"
    unknown, _ = decided(with_node(seen, 2, Unknown("timed out")), remembered())
    assert isinstance(unknown, Wait), "unknown is not empty"


def test_the_link_that_closes_the_ring_stays_until_new_instances_are_up() -> None:
    """Two that are well, and a third that is being started: both directions between the two are needed still."""
    two = whole(2)
    grown = with_node(with_instance(two, world.instance(2, serving=False)), 2, Down("connection refused"))
    grown = with_node(grown, 1, node(1, targets=[0, 2]))
    plan, _ = decided(grown, remembered(2), what=world.spec(3))
    assert isinstance(plan, Wait), plan


def test_a_member_that_is_down_for_a_minute_is_bridged_and_the_bridge_goes_when_it_is_back() -> None:
    down = with_node(whole(), 1, Down("connection refused"))
    _, memory = decided(down, remembered())
    plan, _ = decided(down, memory, now=NOW + 30)
    assert isinstance(plan, Wait)
    plan, memory = decided(down, memory, now=NOW + 61)
    bridge = tuple(Wanted(name(0), name(2), database) for database in world.DATABASES)
    assert actions(plan) == (PutReplications(name(0), bridge),)
    back = with_node(whole(), 0, node(0, targets=[1, 2]))
    plan, _ = decided(back, memory, now=NOW + 120)
    assert actions(plan) == (DeleteReplications(name(0), bridge),)


def test_two_instances_with_one_uuid_are_told() -> None:
    plan, _ = decided(with_node(whole(), 2, node(2, targets=[0], uuid="uuid1")), remembered())
    assert "same_uuid" in codes(plan)


def test_refused_documents_are_told_and_not_waited_for() -> None:
    wanted = Wanted(name(0), name(1), "test")
    refusing = replace(world.replication(whole(), 0, 1, "test"), refused=3)
    plan, _ = decided(with_replication(whole(), 0, refusing, was=wanted), remembered())
    assert isinstance(plan, Done)
    assert plan.status == "degraded"
    assert codes(plan) == ["documents_refused"]


def test_a_process_that_is_down_is_started_again_but_not_at_every_look() -> None:
    dead = replace(world.instance(1), phase="down", reason="killed by signal 9")
    seen = with_node(with_instance(whole(), dead), 1, Down("killed by signal 9"))
    plan, memory = decided(seen, remembered())
    assert actions(plan) == (Provision(("id0", "id1", "id2")),)
    again, _ = decided(seen, memory, now=NOW + 0.2)
    assert not any(isinstance(action, Provision) for action in actions(again))
    assert "killed by signal 9" in again.reasons[0].text


def test_a_deleted_cluster_is_removed_until_nothing_is_left_and_once_at_least() -> None:
    gone = replace(world.spec(), deleted=True)
    plan, memory = decided(whole(), remembered(), what=gone)
    assert actions(plan) == (Remove(),)
    plan, memory = decided(whole(1), memory, now=NOW + 1, what=gone)
    assert actions(plan) == (Remove(),)
    plan, memory = decided(Observed(Platformed()), memory, what=gone)
    assert plan == Done("deleting")
    plan, _ = decided(Observed(Platformed()), Memory(), what=gone)
    assert actions(plan) == (Remove(),), "a half-made cluster may not be visible"


def test_an_instance_that_its_platform_calls_down_loses_its_place_while_others_are_up() -> None:
    gone = replace(world.instance(1), phase="down", reason="port 20002 is taken by another program")
    seen = with_node(with_instance(whole(), gone), 1, Down("port 20002 is taken by another program"))
    plan, memory = decided(seen, remembered())
    assert actions(plan) == (Provision(("id0", "id1", "id2")),)
    plan, _ = decided(seen, memory)
    assert actions(plan) == (Serve((name(0), name(2))),)


def test_an_instance_that_hangs_loses_its_place_once_it_is_bridged() -> None:
    seen = with_node(whole(), 1, Unknown("timed out"))
    plan, memory = decided(seen, remembered())
    assert isinstance(plan, Wait)
    bridge = tuple(Wanted(name(0), name(2), database) for database in world.DATABASES)
    plan, memory = decided(seen, memory, now=NOW + 61)
    assert actions(plan) == (PutReplications(name(0), bridge),)
    seen = with_node(seen, 0, node(0, targets=[1, 2]))
    memory = remember.carried_out(memory, actions(plan), seen)
    plan, _ = decided(seen, memory, now=NOW + 62)
    assert actions(plan) == (Serve((name(0), name(2))),)


def test_an_instance_at_which_a_write_failed_has_a_pause_and_holds_nobody_up() -> None:
    lacking = node(0, targets=[1], databases=("_users",))
    seen = with_node(whole(), 0, lacking)
    create = CreateDatabases(name(0), ("test",), like=(("test", name(1)),))
    plan, memory = decided(seen, remembered())
    assert actions(plan) == (create,)
    memory = remember.refused(memory, create, "the disk is full", NOW)
    waiting, memory = decided(seen, memory, now=NOW + 1)
    acts = waiting.actions if isinstance(waiting, Apply) else ()
    assert not [action for action in acts if isinstance(action, CreateDatabases)]
    assert "the disk is full" in " ".join(reason.text for reason in waiting.reasons)
    again, memory = decided(seen, memory, now=NOW + POLICY.kick_after)
    assert create in actions(again)
    assert remember.carried_out(memory, [create], seen).refusing == {}


def test_one_that_lacks_a_database_keeps_its_place_while_all_others_are_silent() -> None:
    """A write to it failed a moment ago, so that the database is not made at once."""
    seen = with_node(whole(), 0, node(0, targets=[1], databases=("_users",)))
    for other in (1, 2):
        seen = with_node(seen, other, Unknown("timed out"))
    memory = remember.refused(remembered(), CreateDatabases(name(0), ("test",)), "timed out", NOW)
    plan, _ = decided(seen, memory, now=NOW + 1)
    assert isinstance(plan, Wait)


def test_a_write_that_failed_is_forgotten_once_there_is_nothing_to_write() -> None:
    """The connection was cut after the write was done: nothing is lacking when it might be tried again."""
    create = CreateDatabases(name(0), ("test",))
    memory = remember.refused(remembered(), create, "cut the connection", NOW)
    waiting, memory = decided(whole(), memory, now=NOW + 0.1)
    assert isinstance(waiting, Wait)
    assert [reason.code for reason in waiting.reasons] == ["writes_fail"]
    plan, memory = decided(whole(), memory, now=NOW + POLICY.kick_after)
    assert plan == Done("ready", ())
    assert memory.refusing == {}


def with_admins(seen: Observed, number: int, lines: dict[str, str]) -> Observed:
    return with_node(seen, number, replace(node(number, targets=[(number + 1) % 3]), admins=lines))


def test_the_login_becomes_the_specs_where_it_is_another_and_nowhere_else() -> None:
    spec = world.spec(3)
    seen = with_admins(whole(), 0, {spec.admin_name: "-pbkdf2:sha256-00,older,1"})
    seen = with_admins(seen, 1, {spec.admin_name: spec.admin_line, "somebody": "-pbkdf2:sha256-11,salt,1"})
    plan, _ = decided(seen, remembered())
    assert actions(plan) == (PutLogin(name(0), spec.admin_name, spec.admin_line),)
    assert [reason.code for reason in plan.reasons] == ["login_differs"]


def test_an_instance_with_another_login_does_not_begin_to_serve() -> None:
    spec = world.spec(3)
    seen = with_instance(with_admins(whole(), 0, {}), world.instance(0, serving=False))
    put = PutLogin(name(0), spec.admin_name, spec.admin_line)
    plan, memory = decided(seen, remembered())
    assert actions(plan) == (put,)
    memory = remember.refused(memory, put, "the disk is full", NOW)
    plan, _ = decided(seen, memory, now=NOW + 0.1)
    assert not isinstance(plan, Apply)


def test_a_new_instance_is_filled_from_one_that_served_before_it_came() -> None:
    """Its predecessor in the ring was away and came back later: it may lack what the others took meanwhile."""
    filled = tuple(uuid for uuid in remembered(4).durable.filled if uuid != "uuid3")
    memory = replace(
        remembered(4),
        durable=replace(remembered(4).durable, filled=filled),
        states={name(0): ("serving", NOW - 50), name(1): ("serving", NOW - 50), name(2): ("serving", NOW - 1)},
        down={name(3): NOW - 10},
    )
    seen = with_instance(whole(4), world.instance(3, serving=False))
    plan, _ = decided(seen, memory, what=world.spec(4))
    fills = [action for action in actions(plan) if isinstance(action, PutFills)]
    assert [(fill.instance, fill.source) for fill in fills] == [(name(3), name(1))]


def test_a_leaver_that_is_still_being_filled_pulls_nothing_more_before_it_is_fenced() -> None:
    """What came in under the fence would have to be proved again and again."""
    fills = (Fill("test", name(1), "running"),)
    leaver = replace(node(2), fills=fills)
    ring = {n: node(n, targets=[1 - n]) for n in (0, 1)}
    seen = with_instance(whole(3), world.instance(2, serving=False))
    for n, found in (*ring.items(), (2, leaver)):
        seen = with_node(seen, n, found)
    _, memory = decided(seen, remembered(), what=world.spec(2))
    plan, memory = decided(seen, memory, what=world.spec(2), now=NOW + POLICY.grace)
    assert actions(plan) == (DeleteFills(name(2)),)
    plan, _ = decided(with_node(seen, 2, node(2)), memory, what=world.spec(2), now=NOW + POLICY.grace + 1)
    assert [type(action) for action in actions(plan)] == [Fence]
