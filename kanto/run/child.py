"""One process that is kept running: started, its lines passed on, started again when it dies."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from kanto.run.lines import Log, Splitter
from kanto.run.processes import Ledger
from kanto.run.restart import describe_end, next_pause

LAUNCHER = str(Path(__file__).with_name("launch.py"))
LAST_WORDS = 0.5
"""Seconds to read on after a process has ended: one that it started may hold the other end of the pipe for ever."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, under which name, in which environment (the whole of it)."""

    name: str
    words: tuple[str, ...]
    environment: Mapping[str, str]


class Child:
    """Keeps one command running until it is told to stop."""

    def __init__(self, command: Command, *, log: Log, ledger: Ledger) -> None:
        self.name = command.name
        self._command = command
        self._log = log
        self._ledger = ledger
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    async def keep(self) -> None:
        """Run it again and again; returns when it has ended after `stop`."""
        pause: float | None = None
        while not self._stopping.is_set():
            began = monotonic()
            end = await self._run()
            if self._stopping.is_set():
                return
            lived = monotonic() - began
            pause = next_pause(pause, lived=lived)
            self._log.say(f"{self.name} ended ({end}) after {lived:.1f} s; it is started again in {pause:g} s")
            await self._wait_for_stop(pause)

    async def once(self) -> str:
        """Run it to its end, and say how it ended."""
        return await self._run()

    def stop(self) -> None:
        """No new start, and SIGTERM to what runs."""
        self._stopping.set()
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """The same with SIGKILL."""
        self._stopping.set()
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        """Not by `Process.send_signal`: before Python 3.13 it may reap the process, and the exit code is lost."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def _wait_for_stop(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _run(self) -> str:
        """Start it, pass its lines on, and wait for its end.

        It gets a session of its own, so that the terminal's Ctrl-C reaches us alone and the order of the end is ours.
        Both its streams are one pipe, which keeps their lines in order.
        """
        reading, writing = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", LAUNCHER, str(os.getpid()), *self._command.words),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env=dict(self._command.environment),
                start_new_session=True,
            )
        except OSError as error:
            os.close(reading)
            return f"cannot be started: {error.strerror}"
        finally:
            os.close(writing)
        self._ledger.add(self.name, self._process.pid)
        if self._stopping.is_set():
            self._send(signal.SIGTERM)
        passing_on = asyncio.create_task(self._pass_on(reading))
        code = await self._process.wait()
        self._ledger.drop(self.name)
        await asyncio.wait({passing_on}, timeout=LAST_WORDS)
        passing_on.cancel()
        return describe_end(code)

    async def _pass_on(self, reading: int) -> None:
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", buffering=0)
        )
        splitter = Splitter()
        try:
            while piece := await reader.read(65_536):
                for line in splitter.feed(piece):
                    self._log.line(self.name, line)
        finally:
            for line in splitter.end():
                self._log.line(self.name, line)
            transport.close()
