"""Keeps the parts of a lab running, and stops and starts single ones on request, for tests of what happens then.

It is process 1 of the lab's PID namespace, so it also reaps what others leave.
"""

import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.kubernetes.lab.parts import Commands

PAUSE = 1.0
"""Seconds before a part that ended is started again."""


@dataclass
class Part:
    """One of them: its process, if there is one, and when to start it next, if it is to be started."""

    pid: int | None = None
    start_at: float | None = None
    wanted: bool = True


class Supervisor:
    """Runs `commands`, each with a log file of its own in `logs`."""

    def __init__(self, commands: Commands, *, logs: Path, environment: Mapping[str, str]) -> None:
        self._commands = commands
        self._logs = logs
        self._environment = environment
        self._parts = {name: Part() for name in commands}
        self._verbs: Mapping[str, Callable[[str], None]] = {
            "stop": self._stop,
            "start": self._start_again,
            "restart": self._restart,
            "hold": lambda name: self._signal(name, signal.SIGSTOP),
            "release": lambda name: self._signal(name, signal.SIGCONT),
        }

    def start(self, name: str) -> None:
        """Start one part; it is started again, after a second, whenever it ends."""
        part = self._parts[name]
        with (self._logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                self._commands[name],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self._environment),
                cwd="/",
                start_new_session=True,
            )
        process.returncode = 0  # reaped by us below, so that Popen need not look for it
        part.pid, part.start_at, part.wanted = process.pid, None, True

    def run(self, control: socket.socket) -> None:
        """Serve the control socket and the parts, until this process is killed."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(wake_read, selectors.EVENT_READ)
            selector.register(control, selectors.EVENT_READ)
            while True:
                self._reap()
                self._start_due()
                for key, _ in selector.select(self._next_start()):
                    if key.fileobj is control:
                        self._answer(control)
                    else:
                        os.read(wake_read, 4096)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for name, part in self._parts.items():
                if part.pid == pid:
                    self._note(f"{name} ended, status {status}")
                    part.pid = None
                    part.start_at = part.start_at or time.monotonic() + PAUSE if part.wanted else None

    def _start_due(self) -> None:
        now = time.monotonic()
        for name, part in self._parts.items():
            if part.pid is None and part.start_at is not None and part.start_at <= now:
                self.start(name)

    def _next_start(self) -> float | None:
        times = [part.start_at for part in self._parts.values() if part.pid is None and part.start_at is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _answer(self, control: socket.socket) -> None:
        try:
            connection, _ = control.accept()
            with connection:
                connection.settimeout(2)
                words = connection.recv(256).decode().split()
                connection.sendall(self._obey(words).encode())
        except OSError as error:
            self._note(f"a request was not answered: {error}")

    def _obey(self, words: list[str]) -> str:
        if words == ["list"]:
            return "".join(f"{name} {part.pid or '-'}\n" for name, part in self._parts.items())
        if len(words) != 2 or words[0] not in self._verbs or words[1] not in self._parts:
            return (
                f"error: {' '.join(words)!r} is not one of {', '.join(self._verbs)} and one of {', '.join(self._parts)}"
            )
        self._verbs[words[0]](words[1])
        self._note(f"asked to {words[0]} {words[1]}")
        return "done"

    def _stop(self, name: str) -> None:
        """SIGKILL, and it stays down. The answer comes when it has ended."""
        part = self._parts[name]
        part.wanted, part.start_at = False, None
        self._end(part)

    def _start_again(self, name: str) -> None:
        if self._parts[name].pid is None:
            self.start(name)

    def _restart(self, name: str) -> None:
        self._end(self._parts[name])
        self.start(name)

    def _end(self, part: Part) -> None:
        if part.pid is not None:
            os.kill(part.pid, signal.SIGKILL)
            os.waitpid(part.pid, 0)
            part.pid = None

    def _signal(self, name: str, number: signal.Signals) -> None:
        pid = self._parts[name].pid
        if pid is not None:
            os.kill(pid, number)

    def _note(self, words: str) -> None:
        with (self._logs / "lab.log").open("a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%T')} {words}\n")
