"""Every test that needs a lab, from inside of it; with arguments, what pytest makes of them, in one process.

First what bears company, side by side: most of its time goes by waiting for pods. A file in which a test failed is run
once more, alone, and told: a machine that is too busy for its pods is no fault of kanto's, and what fails twice is.
Then, alone, the tests that take parts of the lab away; and at the end the look back at which rights all of them used.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.kubernetes.lab import FAILED, WHOLE, read_notes

SIDE_BY_SIDE = 3
"""Processes, each with a kanto of its own in the lab at most times."""

TESTS_FAILED = 1
"""pytest's exit status when tests ran and some failed (its docs, exit codes)."""

HERE = Path(__file__).parent
CONTRACT = HERE.parent / "contract" / "platform"
ALONE = (HERE / "test_outages.py", HERE / "test_rights.py")


def main(words: Sequence[str]) -> int:
    """The exit status of the first run of pytest that did not end well, else 0."""
    if words:
        return pytest(HERE, *words)
    together = pytest(
        HERE,
        CONTRACT,
        *(f"--ignore={path}" for path in ALONE),
        f"--numprocesses={SIDE_BY_SIDE}",
        "--dist=loadscope",
        "--no-loadscope-reorder",
        "--durations=15",
    )
    if together == TESTS_FAILED and (again := sorted(set(read_notes(FAILED)))):
        sys.stdout.write(f"\nonce more, alone: {', '.join(again)}\n")
        together = pytest(*again)
    return together or pytest(*ALONE, "--durations=5", **{WHOLE: "1"})


def pytest(*words: str | Path, **environment: str) -> int:
    """Its exit status."""
    command = [sys.executable, "-m", "pytest", *map(str, words)]
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
