"""What a platform destroyed is told, what kanto retired is not, and what only seemed gone is taken back."""

from dataclasses import replace

from worker.core import losses, remember
from worker.core.actions import Apply, Done, Retire
from worker.core.memory import Memory
from worker.core.observed import Down, Node, Observed, Platformed

from . import world
from .world import NOW, decided, instance, name, node, remembered, whole, with_instance, with_node


def looked(observed: Observed | None = None) -> Memory:
    """The memory after one look at a whole cluster."""
    return decided(observed or whole(), remembered())[1]


def emptied(ordinal: int) -> Observed:
    """The instance came back with other data, filled and linked already but for kanto's notes."""
    seen = with_instance(whole(), replace(instance(ordinal), identity="new"))
    return with_node(seen, ordinal, node(ordinal, targets=[(ordinal + 1) % 3], uuid="fresh"))


def test_an_instance_that_came_back_empty_was_lost_and_it_says_since_when() -> None:
    _, memory = decided(emptied(1), looked(), now=NOW + 30)
    (loss,) = memory.durable.losses
    assert (loss.instance, loss.uuid) == (name(1), "uuid1")
    assert "written to it after 1970-01-12T13:46:40Z" in loss.text


def test_data_that_nobody_has_any_more_are_not_called_filled() -> None:
    _, memory = decided(emptied(1), looked(), now=NOW + 30)
    assert set(memory.durable.filled) == {"uuid0", "uuid2"}


def test_the_moment_is_the_last_at_which_nothing_waited() -> None:
    busy = whole()
    found = busy.nodes[name(1)]
    assert isinstance(found, Node)
    waiting = tuple(replace(r, pending=3) for r in found.replications)
    later = with_node(busy, 1, replace(found, replications=waiting))
    _, memory = decided(later, looked(), now=NOW + 20)
    _, memory = decided(emptied(1), memory, now=NOW + 30)
    assert "after 1970-01-12T13:46:40Z" in memory.durable.losses[0].text


def test_the_loss_is_told_beside_a_status_of_ready_until_the_next_change() -> None:
    memory = looked()
    _, memory = decided(emptied(1), memory)
    memory = replace(memory, durable=replace(memory.durable, filled=(*memory.durable.filled, "fresh")))
    memory = replace(
        memory, reached={**memory.reached, **{f"{name(0)}>{name(1)}>{d}": "fresh" for d in world.DATABASES}}
    )
    plan, memory = decided(emptied(1), memory)
    assert isinstance(plan, Done)
    assert (plan.status, [r.code for r in plan.reasons]) == ("ready", ["instance_lost"])
    acknowledged, memory = decided(emptied(1), memory, version=2)
    assert acknowledged == Done("ready")
    assert memory.durable.losses == ()


def test_a_change_that_comes_before_a_loss_is_told_does_not_acknowledge_it() -> None:
    """The look that notices it makes what is missing, and says no more than that."""
    seen = with_node(emptied(1), 1, node(1, targets=[2], databases=(), uuid="fresh"))
    plan, memory = decided(seen, looked())
    assert isinstance(plan, Apply)
    assert [loss.uuid for loss in memory.durable.losses] == ["uuid1"]
    plan, memory = decided(emptied(1), memory, version=2)
    assert [(loss.uuid, loss.version) for loss in memory.durable.losses] == [("uuid1", 2)]


def test_that_all_was_lost_is_told_although_a_change_came_first() -> None:
    memory = replace(looked(), durable=replace(looked().durable, data_lost_in=1))
    _, later = decided(whole(), memory, version=2)
    assert later.durable.data_lost_in == 2
    assert later.told == ("data_lost",)
    assert decided(whole(), later, version=3)[1].durable.data_lost_in is None


def test_databases_outside_the_saved_list_are_named() -> None:
    seen = with_node(whole(), 1, node(1, targets=[2], databases=(*world.DATABASES, "own")))
    _, memory = decided(emptied(1), looked(seen))
    assert "all that it alone held of own" in memory.durable.losses[0].text


def test_an_instance_that_is_silent_is_not_lost() -> None:
    _, memory = decided(with_node(whole(), 1, Down("connection refused")), looked())
    assert memory.durable.losses == ()


def test_data_that_are_there_again_were_not_lost() -> None:
    platform = whole().platform
    assert isinstance(platform, Platformed)
    without = Observed(replace(platform, instances=tuple(i for i in platform.instances if i.name != name(1))), {})
    _, memory = decided(without, looked())
    assert [loss.uuid for loss in memory.durable.losses] == ["uuid1"]
    _, memory = decided(whole(), memory)
    assert memory.durable.losses == ()


def test_whoever_was_retired_was_not_lost() -> None:
    retire = Retire(name(2), "id2", "n", (name(0),), proofs=())
    memory = remember.applied(looked(), [retire], NOW)
    assert memory.durable.filled == ("uuid0", "uuid1"), "kept before the deed, so that a crash does not tell a loss"
    two = world.whole(2)
    _, memory = decided(two, memory, what=world.spec(2))
    assert (memory.durable.losses, memory.retiring) == ((), {})


def test_one_that_was_not_retired_after_all_is_given_back() -> None:
    retire = Retire(name(2), "id2", "n", (name(0),), proofs=())
    memory = remember.applied(looked(), [retire], NOW)
    plan, memory = decided(whole(), memory)
    assert plan == Done("ready")
    assert memory.durable.filled == ("uuid0", "uuid1", "uuid2")


def test_a_leaver_that_its_platform_lost_is_told_as_lost() -> None:
    memory = looked()
    memory = replace(memory, durable=replace(memory.durable, leavers=("id2",)))
    _, memory = decided(world.whole(2), memory, what=world.spec(2))
    assert [loss.instance for loss in memory.durable.losses] == [name(2)]


def test_when_everything_was_lost_that_alone_is_said() -> None:
    seen = Observed(whole().platform, {name(n): node(n, targets=[(n + 1) % 3], uuid=f"new{n}") for n in range(3)})
    _, memory = decided(seen, replace(looked(), reached={}))
    memory = replace(memory, reached={key: f"new{key.split('>')[1][-1]}" for key in remembered().reached})
    plan, _ = decided(seen, memory)
    assert [reason.code for reason in plan.reasons] == ["data_lost"]


def test_a_lost_redis_does_not_hide_a_loss() -> None:
    """The record is made again from the mirror: who had which data is not remembered, what was filled is."""
    memory = Memory(durable=remembered().durable)
    _, memory = decided(emptied(1), memory)
    assert [loss.uuid for loss in memory.durable.losses] == ["uuid1"]
    _, again = decided(emptied(1), Memory(durable=memory.durable))
    assert again.durable.losses == memory.durable.losses


def going() -> Observed:
    """Three that stay, and a fourth of which a rest is left."""
    seen = with_instance(whole(4), replace(instance(3), is_going=True, phase="down"))
    return replace(seen, nodes=whole(3).nodes)


def test_a_removal_that_has_begun_is_ended_whoever_began_it() -> None:
    plan, _ = decided(going(), remembered(3))
    assert isinstance(plan, Apply)
    assert plan.actions == (Retire(name(3), "id3", "", (), proofs=(), is_begun=True),)


def test_it_is_asked_for_now_and_then_and_waited_for() -> None:
    first, memory = decided(going(), remembered(3))
    assert isinstance(first, Apply)
    soon, memory = decided(going(), memory, now=NOW + 0.1)
    assert [reason.code for reason in soon.reasons] == ["retiring"]
    assert not isinstance(soon, Apply | Done)
    later, _ = decided(going(), memory, now=NOW + 1)
    assert isinstance(later, Apply)


def test_an_empty_one_that_was_to_be_retired_and_stays_is_as_empty_as_before() -> None:
    """Its platform replaced it while it was leaving, and the scale-down was canceled just before it went."""
    seen = with_node(whole(), 2, node(2, targets=[0], uuid="empty"))
    memory = looked()
    memory = replace(memory, homes={**memory.homes, "id2": replace(memory.homes["id2"], uuid="empty")})
    memory = losses.retiring(memory, ["id2"])
    _, memory = decided(seen, memory)
    assert "empty" not in memory.durable.filled
    assert memory.retiring == {}
    assert memory.homes["id2"].uuid == "empty", "what it takes in from now on is missed if it is lost"
