"""The end of a cluster, however long its platform takes."""

from dataclasses import replace

from worker.core import removal
from worker.core.actions import Apply, Done, Remove, Wait
from worker.core.memory import Memory
from worker.core.observed import Platformed

from .world import NOW, instance

LEFT = Platformed((instance(0),), "http://127.0.0.1:20000")


def test_it_is_removed_once_even_if_nothing_can_be_seen() -> None:
    plan, memory = removal.decide(Platformed(), Memory(), NOW)
    assert isinstance(plan, Apply)
    assert plan.actions == (Remove(),)
    assert removal.decide(Platformed(), memory, NOW) == (Done("deleting"), memory)


def test_what_takes_its_time_is_asked_for_now_and_then_until_nothing_is_left() -> None:
    _, memory = removal.decide(LEFT, Memory(), NOW)
    soon, memory = removal.decide(LEFT, memory, NOW + 0.1)
    assert isinstance(soon, Wait)
    assert NOW + 0.1 < soon.until <= NOW + 1
    later, memory = removal.decide(LEFT, memory, soon.until)
    assert isinstance(later, Apply)
    assert isinstance(removal.decide(Platformed(), memory, soon.until)[0], Done)


def test_an_endpoint_alone_is_something_that_is_left() -> None:
    _, memory = removal.decide(LEFT, Memory(), NOW)
    plan, _ = removal.decide(replace(LEFT, instances=()), memory, NOW + 10)
    assert isinstance(plan, Apply)
