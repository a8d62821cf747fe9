"""Every test that needs a lab, from inside of it; with arguments, what pytest makes of them, in one process.

First what bears company, side by side: most of its time goes by waiting for pods. Then, alone, the tests that take
parts of the lab away; and at the end the look back at which rights all of them used.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.kubernetes.lab import WHOLE

SIDE_BY_SIDE = 3
"""Processes, each with a kanto of its own in the lab at most times."""

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
        "--dist=loadgroup",
        "--durations=15",
    )
    return together or pytest(*ALONE, "--durations=5", **{WHOLE: "1"})


def pytest(*words: str | Path, **environment: str) -> int:
    """Its exit status."""
    command = [sys.executable, "-m", "pytest", *map(str, words)]
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
