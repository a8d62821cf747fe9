"""Processes by pid and start time, so that one that another run left behind can be told from a stranger."""

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PATIENCE = 10.0
"""Seconds that a left-over process has after SIGTERM; Redis saves in that time."""


@dataclass(frozen=True, slots=True)
class Running:
    """One process. `born` is what the system says of its start, and holds for this boot of the machine only."""

    name: str
    pid: int
    born: str


def born(pid: int) -> str | None:
    """When this process started, in words that only compare; None when there is none of that pid, or it is a zombie."""
    try:
        # The name in parentheses may itself hold spaces and parentheses, so count from the last one (proc(5)).
        state, *fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None if Path("/proc/self/stat").exists() else _born_by_ps(pid)
    return None if state in "ZX" else f"{boot} {fields[18]}"


def _born_by_ps(pid: int) -> str | None:
    """The same where there is no /proc."""
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=10, check=False
    )
    return answer.stdout.strip() or None


def is_running(process: Running) -> bool:
    """Whether it still is the process that was meant."""
    return born(process.pid) == process.born


class Ledger:
    """The processes that a run has started, in a file that outlives it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._running: dict[str, Running] = {}

    def left_over(self) -> tuple[Running, ...]:
        """Those of the run before that are still there."""
        try:
            lines = json.loads(self._path.read_text(encoding="utf-8"))
            known = [Running(name=line["name"], pid=line["pid"], born=line["born"]) for line in lines]
        except FileNotFoundError:
            return ()
        except (ValueError, KeyError, TypeError):
            return ()  # cut off by a full disk or a crash: nothing to go by
        return tuple(process for process in known if is_running(process))

    def add(self, name: str, pid: int) -> None:
        """Remember a process that has just been started."""
        if (start := born(pid)) is not None:
            self._running[name] = Running(name=name, pid=pid, born=start)
            self._write()

    def drop(self, name: str) -> None:
        """Forget one that has ended."""
        if self._running.pop(name, None) is not None:
            self._write()

    def _write(self) -> None:
        """Best effort: a full disk must not end the service, and the kernel ends our children anyway (launch.py)."""
        new = self._path.with_suffix(".new")
        try:
            new.write_text(json.dumps([asdict(process) for process in self._running.values()]), encoding="utf-8")
            new.replace(self._path)
        except OSError:
            return


def end_all(processes: Sequence[Running], *, patience: float = PATIENCE) -> None:
    """SIGTERM to each, and SIGKILL to those that are still there after `patience` seconds. Returns when all are gone.

    A process that even SIGKILL does not end is waited for as long again, and no longer.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            if is_running(process):
                _send(process.pid, number)
        deadline = time.monotonic() + patience
        for process in processes:
            _wait_until_gone(process, deadline=deadline)


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _wait_until_gone(process: Running, *, deadline: float) -> None:
    """Until the kernel says so, or time is up."""
    if not hasattr(os, "pidfd_open"):
        while is_running(process) and time.monotonic() < deadline:
            time.sleep(0.05)
        return
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        if is_running(process):
            waiter = select.poll()
            waiter.register(descriptor, select.POLLIN)
            waiter.poll(max(0.0, deadline - time.monotonic()) * 1000)
    finally:
        os.close(descriptor)
