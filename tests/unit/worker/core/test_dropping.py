"""Databases go once, everywhere, and never one that somebody made later."""

from dataclasses import replace

import pytest

from common.cluster import Drop
from worker.core.actions import Apply, Done, DropDatabases, Plan
from worker.core.memory import Memory
from worker.core.observed import Down, Node, Observed, Unknown

from .test_laws import Run
from .world import decided, name, node, remembered, spec, whole, with_node

LEFT = spec(databases=("_users",))
DROP = replace(LEFT, drop=Drop("d1", ("test",)))


def unlinked(observed: Observed, *, has: tuple[int, ...] = (0, 1, 2)) -> Observed:
    """A ring of three over `_users` alone; those in `has` still have `test`."""
    for ordinal in range(3):
        held = ("_users", "test") if ordinal in has else ("_users",)
        made = node(ordinal, targets=[(ordinal + 1) % 3], databases=("_users",))
        observed = with_node(observed, ordinal, replace(made, databases=(*held, "_replicator")))
    return observed


def drops(plan: Plan) -> list[DropDatabases]:
    actions = plan.actions if isinstance(plan, Apply) else ()
    return [action for action in actions if isinstance(action, DropDatabases)]


def codes(plan: Plan) -> set[str]:
    return {reason.code for reason in plan.reasons}


def test_nothing_is_dropped_while_it_is_replicated() -> None:
    plan, memory = decided(whole(), remembered(), what=DROP)
    assert isinstance(plan, Apply)
    assert drops(plan) == []
    plan, _ = decided(unlinked(whole()), memory, what=DROP)
    assert drops(plan) == [DropDatabases(name(n), ("test",)) for n in range(3)]


def test_what_is_off_the_list_stays_unless_a_drop_names_it() -> None:
    plan, _ = decided(unlinked(whole()), remembered(), what=LEFT)
    assert isinstance(plan, Done)


@pytest.mark.parametrize("silent", [Down("connection refused"), Unknown("timed out")])
def test_the_drop_waits_for_an_instance_that_does_not_answer(silent: Node | Down | Unknown) -> None:
    seen = with_node(unlinked(whole(), has=()), 1, silent)
    plan, memory = decided(seen, remembered(), what=DROP)
    assert "dropping" in codes(plan)
    assert memory.durable.dropped == ""
    plan, memory = decided(unlinked(whole(), has=(1,)), memory, what=DROP)
    assert drops(plan) == [DropDatabases(name(1), ("test",))]


def test_a_drop_that_was_done_is_never_done_again() -> None:
    plan, memory = decided(unlinked(whole(), has=()), remembered(), what=DROP)
    assert isinstance(plan, Done)
    assert memory.durable.dropped == "d1"
    plan, memory = decided(unlinked(whole()), memory, what=DROP)
    assert isinstance(plan, Done), "somebody made it again: it is his"
    rebuilt = Memory(durable=memory.durable)
    plan, _ = decided(unlinked(whole()), rebuilt, what=replace(DROP, replicas=3), version=2)
    assert drops(plan) == []


def test_another_drop_of_the_same_name_is_done() -> None:
    _, memory = decided(unlinked(whole(), has=()), remembered(), what=DROP)
    plan, _ = decided(unlinked(whole()), memory, what=replace(DROP, drop=Drop("d2", ("test",))))
    assert len(drops(plan)) == 3


def test_what_is_on_the_saved_list_again_is_not_dropped() -> None:
    plan, memory = decided(whole(), remembered(), what=replace(DROP, databases=("_users", "test")))
    assert isinstance(plan, Done)
    assert memory.durable.dropped == "d1"


def test_no_database_of_couchdb_is_dropped_whoever_asks() -> None:
    plan, _ = decided(whole(), remembered(), what=replace(spec(), drop=Drop("d1", ("_users", "_replicator"))))
    assert isinstance(plan, Done)


def test_everything_on_the_list_does_not_keep_what_is_dropped() -> None:
    run = Run()
    run.change(3, databases=("_users", "test"), all_databases=True)
    run.settle()
    run.change(3, databases=("_users",), drop=Drop("d1", ("test",)))
    run.settle()
    assert all(set(found.databases) == {"_users", "_replicator"} for found in run.toy.nodes.values())
    run.toy.nodes["t-1"] = replace(run.toy.nodes["t-1"], databases=("_replicator", "_users", "test"))
    run.settle()
    assert all("test" in found.databases for found in run.toy.nodes.values()), "made again, it is one of all"


@pytest.mark.parametrize("cut", range(4))
def test_a_drop_that_is_cut_short_is_ended(cut: int) -> None:
    run = Run()
    run.change(3)
    run.settle()
    run.change(3, databases=("_users",), drop=Drop("d1", ("test",)))
    for _ in range(6):
        run.round(cut)
    run.settle()
    assert all("test" not in found.databases for found in run.toy.nodes.values())
