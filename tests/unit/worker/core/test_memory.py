"""What is remembered changes by parts, and a change that changes nothing gives the same memory."""

from dataclasses import replace

import pytest

from worker.core.memory import Memory

MEMORY = Memory(kicks={"a>b>test": (2, 7.0)}, looked_at=5.0)


def test_with_other_parts_it_is_what_replace_gives() -> None:
    assert MEMORY.but(version=3, best=1) == replace(MEMORY, version=3, best=1)
    assert MEMORY.version == 0


def test_with_the_parts_that_it_has_it_is_itself() -> None:
    assert MEMORY.but(kicks={"a>b>test": (2, 7.0)}, looked_at=5.0) is MEMORY


def test_it_takes_no_part_that_it_has_not() -> None:
    with pytest.raises(KeyError):
        MEMORY.but(verison=3)
