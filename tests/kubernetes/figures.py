"""What tests measured, told at the end of a run."""

import time
from collections.abc import Callable

from tests.e2e.service import PATIENCE, wait_until

measured: list[str] = []


def tell(what: str) -> None:
    measured.append(what)


def seconds_until(what: str, look: Callable[[], object], *, seconds: float = PATIENCE) -> float:
    """How long it took for `look` to be true."""
    began = time.monotonic()
    wait_until(what, look, seconds=seconds)
    took = time.monotonic() - began
    tell(f"{took:6.1f} s  {what}")
    return took
