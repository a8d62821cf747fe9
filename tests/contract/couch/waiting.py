"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 40.0
LOOK = 0.05

T = TypeVar("T")


def wait_for(look: Callable[[], T], what: str, *, seconds: float = PATIENCE) -> T:
    """Looks until the look is true, and gives what it saw. Fails at the deadline, naming what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}; last seen: {seen!r}"
        time.sleep(LOOK)
