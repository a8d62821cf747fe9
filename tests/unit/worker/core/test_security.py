"""One `_security` on all instances: a user's change goes to all, stale ones are not changes, two are named."""

from dataclasses import replace

from worker.core import remember, security
from worker.core.actions import Action, Apply, CreateDatabases, Done, PutSecurity
from worker.core.memory import Memory
from worker.core.observed import Down, Node, Observed

from . import world
from .world import NOW, POLICY, decided, name, remembered, whole, with_instance, with_node

UNSET = '{"admins":{"roles":["_admin"]},"members":{"roles":["_admin"]}}'
MINE = '{"members":{"names":["ann"]}}'
YOURS = '{"members":{"names":["bob"]}}'


def having(*texts: str | None) -> Observed:
    """A whole cluster of three, `test` with these on its instances; None for one that is down."""
    seen = whole()
    for ordinal, text in enumerate(texts):
        found = seen.nodes[name(ordinal)]
        assert isinstance(found, Node)
        node = Down("connection refused") if text is None else replace(found, security={"test": text})
        seen = with_node(seen, ordinal, node)
    return seen


def after(*texts: str | None, memory: Memory | None = None) -> tuple[tuple[Action, ...], Memory]:
    """The actions of a look at such a cluster, and the memory."""
    plan, memory = decided(having(*texts), memory or remembered())
    return (plan.actions if isinstance(plan, Apply) else ()), memory


def test_what_is_the_same_everywhere_is_left_alone() -> None:
    actions, memory = after(UNSET, UNSET, UNSET)
    assert actions == ()
    assert memory.security == {"test": security.digest(UNSET)}


def test_a_change_on_one_instance_goes_to_all() -> None:
    _, memory = after(UNSET, UNSET, UNSET)
    actions, _ = after(UNSET, MINE, UNSET, memory=memory)
    assert actions == (PutSecurity(name(0), (("test", MINE),)), PutSecurity(name(2), (("test", MINE),)))


def test_the_way_back_to_what_it_was_is_a_change_too() -> None:
    _, memory = after(MINE, MINE, MINE)
    actions, _ = after(UNSET, MINE, MINE, memory=memory)
    assert actions == (PutSecurity(name(1), (("test", UNSET),)), PutSecurity(name(2), (("test", UNSET),)))


def test_an_instance_that_was_away_during_the_change_takes_it_and_does_not_undo_it() -> None:
    _, memory = after(UNSET, UNSET, UNSET)
    _, memory = after(MINE, MINE, None, memory=memory)
    actions, memory = after(MINE, MINE, UNSET, memory=memory)
    assert actions == (PutSecurity(name(2), (("test", MINE),)),)


def test_a_change_back_before_the_first_was_brought_everywhere_is_the_last_word() -> None:
    _, memory = after(UNSET, UNSET, UNSET)
    _, memory = after(MINE, UNSET, UNSET, memory=memory)
    actions, memory = after(UNSET, UNSET, UNSET, memory=memory)
    assert (actions, memory.security) == ((), {"test": security.digest(UNSET)})


def test_two_changes_are_named_and_left_to_people() -> None:
    _, memory = after(UNSET, UNSET, UNSET)
    plan, memory = decided(having(MINE, YOURS, UNSET), memory)
    assert isinstance(plan, Done)
    assert (plan.status, [r.code for r in plan.reasons]) == ("degraded", ["security_disputed"])
    unread, memory = decided(whole(), memory)
    assert [r.code for r in unread.reasons] == ["security_disputed"], "said until somebody chose"
    actions, memory = after(YOURS, YOURS, UNSET, memory=memory)
    assert actions == (PutSecurity(name(2), (("test", YOURS),)),)
    assert memory.security_disputed == ()


def test_a_database_that_was_made_elsewhere_brings_its_security_along() -> None:
    actions, _ = after(MINE, UNSET, UNSET)
    assert actions == (PutSecurity(name(1), (("test", MINE),)), PutSecurity(name(2), (("test", MINE),)))


def test_a_new_instance_takes_what_the_others_have_and_changes_nothing() -> None:
    _, memory = after(MINE, MINE, MINE)
    filled = tuple(uuid for uuid in memory.durable.filled if uuid != "uuid2")
    memory = replace(memory, durable=replace(memory.durable, filled=filled))
    seen = with_instance(having(MINE, MINE, YOURS), world.instance(2, serving=False))
    plan, _ = decided(seen, memory)
    assert isinstance(plan, Apply)
    assert plan.actions[0] == PutSecurity(name(2), (("test", MINE),))


def test_it_is_asked_for_once_an_upkeep_and_after_something_was_made() -> None:
    assert security.asked(world.spec(), Memory(), NOW) == ("test",)
    _, memory = after(UNSET, UNSET, UNSET)
    assert security.asked(world.spec(), memory, NOW + 1) == ()
    assert security.asked(world.spec(), memory, NOW + POLICY.upkeep_interval * 0.9) == ("test",)
    made = remember.carried_out(memory, [CreateDatabases(name(1), ("test",))], whole())
    assert security.asked(world.spec(), made, NOW + 1) == ("test",)


def test_many_databases_are_read_piece_by_piece() -> None:
    names = tuple(f"d{n:03}" for n in range(120))
    what, memory, read = world.spec(databases=names), remembered(), list[str]()
    for _ in range(3):
        asked = security.asked(what, memory, NOW)
        assert len(asked) <= security.MOST_AT_ONCE
        read += asked
        seen = whole()
        for ordinal in range(3):
            found = seen.nodes[name(ordinal)]
            assert isinstance(found, Node)
            seen = with_node(seen, ordinal, replace(found, security=dict.fromkeys(asked, UNSET)))
        _, memory = decided(seen, memory, what=what)
    assert read == list(names)
    assert security.asked(what, memory, NOW) == ()
