"""When a child that has ended is started again, and how its end is told."""

import signal

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 15.0
STEADY_AFTER = 30.0
"""Seconds. A child that lived this long had recovered, so its next end is a first one again."""


CLEAN_END = "exit code 0"


def next_pause(previous: float | None, *, lived: float) -> float:
    """Seconds to wait before the next start: doubling from half a second to fifteen."""
    if previous is None or lived >= STEADY_AFTER:
        return FIRST_PAUSE
    return min(previous * 2, LONGEST_PAUSE)


def describe_end(code: int) -> str:
    """The exit code, or the signal by its name, as subprocess reports it (negative for a signal)."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
