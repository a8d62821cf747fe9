"""`python -m tests.bench [NAME...]`: measure, print a table, and write bench/results.json when all was measured."""

import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.bench import (
    creating,
    draining,
    memory,
    place,
    posting,
    rings,
    scaling_out,
    table,
    upkeep,
    waiting,
    wakeups,
    wholeness,
)
from tests.bench.figure import Figure

RESULTS = Path(__file__).resolve().parents[2] / "bench" / "results.json"

MEASUREMENTS: Mapping[str, Callable[[Path], list[Figure]]] = {
    "create": creating.measure,
    "post": posting.measure,
    "ring": rings.measure,
    "wakeup": wakeups.measure,
    "upkeep": upkeep.measure,
    "waiting": waiting.measure,
    "memory": memory.measure,
    "drain": draining.measure,
    "scale-out": scaling_out.measure,
    "whole": wholeness.measure,
}


def main(names: list[str]) -> int:
    """The exit code: 2 for a name that is none, else 0: a missed goal is a figure, not an error."""
    unknown = set(names) - set(MEASUREMENTS)
    if unknown:
        print(
            f"no such measurement: {', '.join(sorted(unknown))}. There are: {', '.join(MEASUREMENTS)}", file=sys.stderr
        )
        return 2
    began = time.monotonic()
    figures: list[Figure] = []
    for name in names or MEASUREMENTS:
        print(f"{time.monotonic() - began:4.0f} s  {name}", file=sys.stderr, flush=True)
        with place.folder() as folder:
            figures += MEASUREMENTS[name](folder)
    seconds = time.monotonic() - began
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    print(f"{table.render(figures)}\n\n{machine}; {seconds:.0f} s in all")
    if not names:
        table.write(RESULTS, figures, machine=machine, seconds=seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
