"""What a situation derives holds still under another memory only where that memory says nothing about it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from common.cluster import ClusterSpec, Drop
from worker.core.memory import Memory
from worker.core.observed import Down
from worker.core.situation import OF_THE_RING, Situation

from . import world

MEMORY = world.remembered(4)
OTHERS: dict[str, Callable[[Memory], Memory]] = {
    "the same": replace,
    "one more is filled": lambda memory: with_durable(memory, filled=("uuid0", "uuid1")),
    "one leaves": lambda memory: with_durable(memory, leavers=("id3",)),
    "a drop is done": lambda memory: with_durable(memory, dropped="drop1"),
    "one was down for long": lambda memory: replace(memory, down={world.name(1): world.NOW - 500}),
    "a write was refused": lambda memory: replace(memory, refusing={world.name(0): (1, world.NOW, "")}),
    "who serves since when": lambda memory: replace(memory, states={world.name(0): ("serving", world.NOW - 900)}),
}


def with_durable(memory: Memory, **parts: object) -> Memory:
    return replace(memory, durable=replace(memory.durable, **parts))  # type: ignore[arg-type]


def spec() -> ClusterSpec:
    return replace(world.spec(4), all_databases=True, drop=Drop("drop1", ("test",)), databases=("_users",))


def situation(memory: Memory) -> Situation:
    observed = world.with_node(world.whole(4), 1, Down("connection refused"))
    return Situation(spec(), observed, observed.platform, memory, world.NOW, world.POLICY)  # type: ignore[arg-type]


def derived(s: Situation) -> dict[str, object]:
    return {name: getattr(s, name) for name in (*sorted(OF_THE_RING), "taking")}


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("before", OTHERS)
def test_what_is_derived_under_another_memory_is_as_if_derived_anew(before: str, what: str) -> None:
    first = situation(OTHERS[before](MEMORY))
    derived(first)
    memory = OTHERS[what](MEMORY)
    assert derived(first.remembering(memory)) == derived(situation(memory))


def test_an_equal_memory_derives_nothing_again() -> None:
    first = situation(MEMORY)
    assert first.remembering(replace(MEMORY)) is first
