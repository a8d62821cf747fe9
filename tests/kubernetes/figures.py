"""What tests measured, told at the end of a run, whichever process measured it."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from tests.e2e.service import PATIENCE, wait_until
from tests.kubernetes.lab import note, read_notes

T = TypeVar("T")

MEASURED = "measured"


def tell(what: str) -> None:
    note(MEASURED, what)


def measured() -> tuple[str, ...]:
    return read_notes(MEASURED)


def seconds_until(what: str, look: Callable[[], object], *, seconds: float = PATIENCE) -> float:
    """How long it took for `look` to be true."""
    began = time.monotonic()
    wait_until(what, look, seconds=seconds)
    took = time.monotonic() - began
    tell(f"{took:6.1f} s  {what}")
    return took


def timed(what: str, call: Callable[[], T]) -> T:
    """What the call gives; how long it took is told."""
    began = time.monotonic()
    result = call()
    tell(f"{time.monotonic() - began:6.1f} s  {what}")
    return result


def told(job: dict[str, Any]) -> str:
    """All that a job says to people."""
    return f"{job['step']} {job['progress']} {job['reasons']} {job.get('error')}"
