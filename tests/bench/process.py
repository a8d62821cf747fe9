"""Processes that are measured: started, asked for what they have used, and ended."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 120.0
TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_mib(pid: int) -> float:
    """Resident memory in MiB, pages shared with other processes included."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"no VmRSS in status of {pid}")


def wait_until(holds: Callable[[], object], what: str, *, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.01)


class Process:
    """`python -m ...` with settings of its own; its output goes to a file."""

    def __init__(self, words: Sequence[str], log: Path, settings: Mapping[str, str] | None = None) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KANTO_")}
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *words], env={**kept, **(settings or {})}, stdout=out, stderr=out
            )
        self.log = log
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def wait_until(self, holds: Callable[[], object], what: str) -> None:
        """As the function, but a process that has ended is told at once."""

        def look() -> object:
            assert self._process.poll() is None, self.log.read_text(errors="replace")[-2000:]
            return holds()

        wait_until(look, what)

    def end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(PATIENCE)
