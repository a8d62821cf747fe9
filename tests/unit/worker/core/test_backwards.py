"""A clock that was set back delays nothing by what it was set back."""

from dataclasses import fields, replace
from typing import Any

from worker.core import backwards
from worker.core.actions import Wait
from worker.core.decide import decide
from worker.core.memory import Leaving, Memory
from worker.core.observed import Down

from . import world
from .world import NOW, POLICY, remembered, whole

HOURS = 7200.0


def looked(memory: Memory, now: float, seconds: float) -> tuple[object, Memory]:
    """A look at a cluster of which one leaver was withdrawn, `seconds` after the time by which that is remembered."""
    return decide(world.spec(2), whole(), memory, now + seconds, version=1, policy=POLICY)


def test_a_grace_time_is_as_long_as_it_was_although_the_clock_is_set_back() -> None:
    memory = replace(remembered(), looked_at=NOW, moved_at=NOW)
    memory = replace(
        memory,
        durable=replace(memory.durable, leavers=("id2",)),
        leaving={"id2": Leaving("1-id2", withdrawn_at=NOW - 1)},
    )
    _, after = looked(memory, NOW - HOURS, 2.0)
    assert after.looked_at == NOW - HOURS + 2.0
    shifted = backwards.noticed(memory, NOW - HOURS)
    assert shifted.leaving["id2"].withdrawn_at == NOW - HOURS - 1


def test_nothing_waits_for_a_time_to_come_again_and_nothing_is_looked_at_without_a_pause() -> None:
    silent = world.with_node(whole(), 1, Down("connection refused"))
    memory = replace(remembered(), looked_at=NOW, moved_at=NOW - 30, provision_after=NOW + 1)
    plan, after = decide(world.spec(), silent, memory, NOW - HOURS, version=1, policy=POLICY)
    assert isinstance(plan, Wait)
    assert after.provision_after <= NOW - HOURS + 1
    assert 0 < plan.until - (NOW - HOURS) <= 5.0


def test_a_clock_that_goes_on_shifts_nothing() -> None:
    memory = replace(remembered(), looked_at=NOW, provision_after=NOW + 1)
    assert backwards.noticed(memory, NOW + 3) == replace(memory, looked_at=NOW + 3)


def test_every_time_that_is_remembered_is_shifted() -> None:
    """A field that ends as times do is either shifted or the look itself."""
    times: dict[str, Any] = {f.name: NOW for f in fields(Memory) if f.name.endswith(("_at", "_after"))}
    memory = replace(Memory(), **times)
    shifted = backwards.shifted(memory, 10.0)
    assert {name for name in times if getattr(shifted, name) == NOW} == {"looked_at"}
