"""The parts of kanto that are processes of their own, and becoming one."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

PARTS = {
    "api": (("api",), "the api alone"),
    "worker": (("worker",), "a worker alone"),
    "instances": (("worker", "instances"), "a host of instances for workers elsewhere"),
}
"""By the command's word: what `python -m` is given for it, and what it is."""


def become(part: str, rest: Sequence[str]) -> NoReturn:
    """Be `python -m PART` from here on, in this process."""
    os.execv(sys.executable, [sys.executable, "-m", *PARTS[part][0], *rest])  # noqa: S606
