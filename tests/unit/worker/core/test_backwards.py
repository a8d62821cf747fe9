"""A clock that was set back delays nothing by what it was set back."""

from dataclasses import fields, replace
from typing import Any

from worker.core import backwards
from worker.core.actions import Wait
from worker.core.decide import decide
from worker.core.memory import Crash, Home, Leaving, Memory
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


def test_times_inside_what_is_remembered_by_name_are_shifted_too() -> None:
    """Whoever adds a mapping has to say here whether there are times in it."""
    timed: dict[str, Any] = {
        "states": {"a": ("serving", NOW)},
        "passing": {"a>b>test": ("running", NOW)},
        "down": {"a": NOW},
        "kicks": {"a>b>test": (1, NOW)},
        "crashed": {"a>b>test": Crash(NOW)},
        "refusing": {"a": (1, NOW, "the disk is full")},
        "homes": {"id0": Home("a", "uuid0", passed_at=NOW)},
        "leaving": {"id0": Leaving("nonce", withdrawn_at=NOW, proved_at=NOW)},
    }
    timeless = {"reached", "retiring", "security", "security_apart"}
    assert {f.name for f in fields(Memory) if isinstance(getattr(Memory(), f.name), dict)} == timed.keys() | timeless
    shifted = backwards.shifted(replace(Memory(), **timed), 10.0)
    assert not [name for name in timed if str(NOW) in str(getattr(shifted, name))]
    assert not [name for name in timed if str(NOW - 10) not in str(getattr(shifted, name))]


def test_what_fails_for_weeks_is_tried_again_after_the_longest_pause() -> None:
    pauses = [POLICY.pause(times) for times in (0, 1, 2, 3, 4, 5, 100_000)]
    assert pauses == [0, 5, 10, 20, 40, 60, 60]
