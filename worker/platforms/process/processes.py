"""Processes as a folder remembers them: looked at, signalled and waited for, never mistaken for a stranger."""

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from worker.platforms.process import files
from worker.platforms.process.born import is_running

RECORD = "process.json"
BETWEEN_LOOKS = 0.02


@dataclass(frozen=True, slots=True)
class Process:
    """A pid, and `born`: what the system says of its start."""

    pid: int
    born: str

    def is_running(self) -> bool:
        return is_running(self.pid, self.born)


def read_process(folder: Path) -> Process | None:
    """The living process of a folder. A record that is cut off names nobody."""
    text = files.read(folder / RECORD)
    if text is None:
        return None
    try:
        values = json.loads(text)
        process = Process(int(values["pid"]), str(values["born"]))
    except (ValueError, KeyError, TypeError):
        return None
    return process if process.is_running() else None


@contextmanager
def handle(process: Process) -> Iterator[int | None]:
    """A descriptor (pidfd_open(2)) of exactly this process; None when it is gone, or where there are no such."""
    descriptor = None
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            descriptor = os.pidfd_open(process.pid)
    try:
        yield descriptor if descriptor is not None and process.is_running() else None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def send(process: Process, number: signal.Signals) -> None:
    """Signal this process, and no other that may get its number meanwhile."""
    with handle(process) as descriptor, contextlib.suppress(ProcessLookupError):
        if descriptor is not None:
            signal.pidfd_send_signal(descriptor, number)
        elif not hasattr(os, "pidfd_open") and process.is_running():
            os.kill(process.pid, number)


def wait_until_gone(processes: Sequence[Process], *, seconds: float) -> None:
    """Until all are gone, or time is up."""
    deadline = time.monotonic() + seconds
    for process in processes:
        with handle(process) as descriptor:
            if descriptor is not None:
                waiter = select.poll()
                waiter.register(descriptor, select.POLLIN)
                waiter.poll(max(0.0, deadline - time.monotonic()) * 1000)
        while process.is_running() and time.monotonic() < deadline:
            time.sleep(BETWEEN_LOOKS)
