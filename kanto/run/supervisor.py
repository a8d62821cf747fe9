"""Keeps the processes of one kanto running, and ends them in order: the api and workers, the instances, then Redis."""

import asyncio
import math
import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from kanto.run.child import Child, Command
from kanto.run.lines import Log
from kanto.run.processes import Ledger
from kanto.run.restart import CLEAN_END

T = TypeVar("T")
Kept = dict[Child, asyncio.Task[None]]

PATIENCE = 60.0
"""Seconds until what does not answer is told about. Waiting goes on: the log has the reason."""

BETWEEN_LOOKS = 0.1

ONE_WISH = 0.3
"""Seconds. `make` and `timeout` pass a signal on that the terminal sent to us too; a person is not that fast."""

LAST_RESORT = 0.5
"""Seconds for a killed process to be gone."""

Probe = Callable[[], str | None]
"""None when it is well, else a reason in words. May block for a second or two."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds after the first Ctrl-C by which each part has ended, or is killed."""

    parts: float = 7.0
    instances: float = 11.5
    redis: float = 14.5


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. `redis` is None where one runs already; `stop` ends the instances of this home."""

    redis: Command | None
    parts: tuple[Command, ...]
    stop: Command | None
    redis_answers: Probe
    is_ready: Probe
    banner: str
    limits: Limits = Limits()

    @property
    def names(self) -> tuple[str, ...]:
        """Of all processes, in the order of their start."""
        return tuple(command.name for command in (self.redis, *self.parts, self.stop) if command is not None)


class Supervisor:
    """Runs a plan until SIGINT, SIGTERM or SIGHUP. Every further one hurries what is being waited for."""

    def __init__(self, plan: Plan, *, log: Log, ledger: Ledger) -> None:
        self._plan = plan
        self._log = log
        self._ledger = ledger
        self._redis: Kept = {}
        self._parts: Kept = {}
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._told_at = -math.inf

    async def run(self) -> None:
        """Start all, keep all running, and end all when told to, or when nobody reads the log any more."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._told_to_stop, number)
        self._log.on_lost(self._stopping.set)
        serving = asyncio.create_task(self._serve())
        told = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({serving, told}, return_when=asyncio.FIRST_COMPLETED)
        for task in (serving, told):
            task.cancel()
        await self._end()
        with suppress(asyncio.CancelledError):
            await serving

    def _told_to_stop(self, number: signal.Signals) -> None:
        now = monotonic()
        if self._stopping.is_set():
            if now > self._told_at + ONE_WISH:
                self._hurry.set()
            return
        self._told_at = now
        again = " (once more to hurry)" if number == signal.SIGINT else ""
        self._log.say(f"{number.name}: ending the api, the workers, the instances and Redis{again}")
        self._stopping.set()

    async def _serve(self) -> None:
        """Each part needs the one before; whether they live is told by `keep`, whether they are well by probes."""
        self._redis = self._keep([self._plan.redis] if self._plan.redis else [])
        await self._wait_until_well(self._plan.redis_answers, what="Redis")
        self._parts = self._keep(self._plan.parts)
        await self._wait_until_well(self._plan.is_ready, what="the api")
        self._log.plain(self._plan.banner)
        await self._stopping.wait()

    def _keep(self, commands: Sequence[Command]) -> Kept:
        children = [Child(command, log=self._log, ledger=self._ledger) for command in commands]
        return {child: asyncio.create_task(child.keep()) for child in children}

    async def _wait_until_well(self, probe: Probe, *, what: str) -> None:
        told_at = monotonic() + PATIENCE
        while (reason := await asyncio.to_thread(probe)) is not None:
            if monotonic() > told_at:
                self._log.say(f"{what} is not ready after {PATIENCE:g} s, still waiting: {reason}")
                told_at = math.inf
            await asyncio.sleep(BETWEEN_LOOKS)

    async def _end(self) -> None:
        """Leave nothing behind, within the limits. Instances need Redis no more than it needs them, but workers do."""
        began = monotonic()
        limits = self._plan.limits
        await self._end_children(self._parts, until=began + limits.parts)
        if self._plan.stop is not None:  # always: a run that was killed outright may have left instances
            await self._stop_instances(self._plan.stop, until=began + limits.instances)
        await self._end_children(self._redis, until=began + limits.redis)
        self._log.say("all ended; data stays")

    async def _end_children(self, kept: Kept, *, until: float) -> None:
        for child in kept:
            child.stop()
        late = await self._wait_for(kept.values(), until=until)
        for child, task in kept.items():
            if task in late:
                self._log.say(f"{child.name} has not ended yet; it is killed")
                child.kill()
        if late:
            await asyncio.wait(late, timeout=LAST_RESORT)

    async def _stop_instances(self, command: Command, *, until: float) -> None:
        child = Child(command, log=self._log, ledger=self._ledger)
        running = asyncio.create_task(child.once())
        if await self._wait_for([running], until=until):
            child.kill()
            await asyncio.wait({running}, timeout=LAST_RESORT)
            self._log.say("some instances may still run; the next `kanto run` takes them over")
        elif (end := running.result()) != CLEAN_END:
            self._log.say(f"ending the instances failed ({end}); the next `kanto run` takes over those that still run")

    async def _wait_for(self, tasks: Iterable[asyncio.Task[T]], *, until: float) -> set[asyncio.Task[T]]:
        """Those that are not done when time is up, or when a person is in a hurry."""
        pending = set(tasks)
        hurry = asyncio.create_task(self._hurry.wait())
        while pending and not self._hurry.is_set() and (left := until - monotonic()) > 0:
            await asyncio.wait({*pending, hurry}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            pending = {task for task in pending if not task.done()}
        hurry.cancel()
        self._hurry.clear()
        return pending
