"""Carries faults out on the processes of one service, by their pid, and counts them."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

from tests.e2e.service import Service
from tests.faults.plan import Fault
from tests.faults.wires import Cut, Wires
from tests.running import Running
from worker.platforms.process.processes import read_process


class Breaker(Running):
    """A thread that does one fault after another until a time, some of which last while the next ones happen.

    `begun` counts them by kind; `log` says when each was done. All has been mended when the block ends, at `mended_at`.
    Times are monotonic seconds.
    """

    def __init__(self, service: Service, wires: Wires, faults: Iterator[Fault], *, began: float, until: float) -> None:
        super().__init__([self._run], who="the breaker")
        self._service = service
        self._wires = wires
        self._faults = faults
        self._began = began
        self._until = until
        self.mended_at = until
        self._lasting = ExitStack()
        self._ends: list[tuple[float, AbstractContextManager[None]]] = []
        self.begun: Counter[str] = Counter()
        self.log: list[str] = []

    def _run(self, stop: threading.Event) -> None:
        for fault in self._faults:
            due = time.monotonic() + fault.after
            while not stop.is_set() and time.monotonic() < min(due, self._until):
                self._end_those_past()
                stop.wait(0.05)
            if stop.is_set() or time.monotonic() >= self._until:
                break
            self._do(fault)
        for _, lasting in self._ends:
            lasting.__exit__(None, None, None)
        self.mended_at = time.monotonic()

    def _end_those_past(self) -> None:
        now = time.monotonic()
        for at, lasting in [entry for entry in self._ends if entry[0] <= now]:
            self._ends.remove((at, lasting))
            lasting.__exit__(None, None, None)

    def _do(self, fault: Fault) -> None:
        aimed = self._aim(fault)
        if aimed is None:
            return  # none of its kind is there just now
        target, lasting = aimed
        lasting.__enter__()
        self._ends.append((time.monotonic() + fault.lasting, lasting))
        self.begun[fault.kind] += 1
        self.log.append(f"{time.monotonic() - self._began:6.1f} s  {fault.kind}: {target} for {fault.lasting:.1f} s")

    def _aim(self, fault: Fault) -> tuple[int, AbstractContextManager[None]] | None:
        if fault.kind in ("cut a link", "cut an instance off"):
            port = choose(self._ports_to_cut(), fault.who)
            how = Cut(is_silent=fault.is_silent, is_whole=fault.kind == "cut an instance off")
            return None if port is None else (port, self._wires.cut(port, how))
        pid = choose(self._pids(fault.kind), fault.who)
        if pid is None:
            return None
        return pid, held_still(pid) if fault.kind.startswith("hold") else killed(pid)

    def _pids(self, kind: str) -> list[int]:
        match kind:
            case "kill a worker" | "hold a worker still":
                return self._service.processes("tests.faults.worker")
            case "kill an instance" | "hold an instance still":
                return self._in_folders("*/instances/*")
            case "kill Redis":
                return self._service.processes("-server")
            case "kill the api":
                return self._service.processes("-m api")
            case "kill the balancer":
                return self._in_folders("*/balancer")
            case _:
                raise AssertionError(kind)

    def _in_folders(self, pattern: str) -> list[int]:
        folders = sorted((self._service.home / "clusters").glob(pattern))
        return [process.pid for folder in folders if (process := read_process(folder)) is not None]

    def _ports_to_cut(self) -> list[int]:
        """Of all instances, as long as none is cut: of two who are cut off, nobody could say who is right."""
        if self._wires.has_cuts:
            return []
        found = []
        for file in sorted((self._service.home / "clusters").glob("*/instances/*/identity.json")):
            with suppress(FileNotFoundError):
                found.append(int(json.loads(file.read_text())["data"]["port"]))
        return found


@contextmanager
def killed(pid: int) -> Iterator[None]:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    yield


@contextmanager
def held_still(pid: int) -> Iterator[None]:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    yield
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


def choose(among: Sequence[int], who: float) -> int | None:
    return among[int(who * len(among))] if among else None
