"""Watches the processes of a home: a dead balancer is back within a second, a dead instance makes its cluster due."""

import contextlib
import os
import select
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from common.cluster import ClusterKey
from common.errors import KantoError
from common.log import get
from worker.platforms.process import anchor as anchors
from worker.platforms.process.layout import ClusterPlace
from worker.platforms.process.platform import ProcessPlatform
from worker.platforms.process.processes import Process

LOOK_SECONDS = 0.5
"""How often it is looked whether another worker has started or removed anything: one stat of one file."""

SOON_SECONDS = 0.2
"""The same while a balancer is down, or on a system that cannot tell when a process ends."""

log = get(__name__)


@dataclass
class Watch:
    """One process that is watched, and the cluster to which it belongs."""

    process: Process
    key: ClusterKey
    is_balancer: bool


@dataclass
class Seen:
    """What the last look at all folders gave. `dead` are instances whose end has been told."""

    stamp: int = -1
    is_unsettled: bool = True
    dead: set[Path] = field(default_factory=set)


class Keeper:
    """One thread per worker process; those of several workers do not disturb each other.

    Waits on pidfds, so that an end is known at once and waiting costs nothing. Calls `on_change` with the key of a
    cluster of which an instance is found dead, once for each death; it must not raise and must not take long.
    """

    def __init__(self, platform: ProcessPlatform, *, on_change: Callable[[ClusterKey], None]) -> None:
        self._platform = platform
        self._home = platform.means.home
        self._launcher = platform.means.launcher
        self._on_change = on_change
        self._watched: dict[int, Watch] = {}
        self._seen = Seen()
        self._stopped = threading.Event()
        self._reading, self._writing = os.pipe()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; the processes go on."""
        self._stopped.set()
        os.write(self._writing, b"x")
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        for descriptor in (*self._watched, self._reading, self._writing):
            os.close(descriptor)
        self._watched.clear()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._look()
            except Exception:
                log.exception("keeper_broke")
                self._seen.is_unsettled = True
            self._wait()

    def _wait(self) -> None:
        """Until a process ends, or it is time to look."""
        waiter = select.poll()
        for descriptor in (self._reading, *self._watched):
            waiter.register(descriptor, select.POLLIN)
        is_soon = self._seen.is_unsettled or not hasattr(os, "pidfd_open")
        for descriptor, _ in waiter.poll((SOON_SECONDS if is_soon else LOOK_SECONDS) * 1000):
            if (watch := self._watched.pop(descriptor, None)) is not None:
                os.close(descriptor)
                self._seen.is_unsettled = True
                log.info("process_ended", cluster=str(watch.key), pid=watch.process.pid, balancer=watch.is_balancer)

    def _look(self) -> None:
        """At all folders, if anything may have changed since the last time."""
        stamp = self._stamp()
        if stamp == self._seen.stamp and not self._seen.is_unsettled and hasattr(os, "pidfd_open"):
            return
        seen = Seen(stamp, is_unsettled=False)
        for place in self._home.clusters():
            with contextlib.suppress(KantoError, FileNotFoundError):  # the step that meets it says it
                self._look_at(place, seen)
        self._seen = seen

    def _stamp(self) -> int:
        try:
            return self._home.changed.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def _look_at(self, place: ClusterPlace, seen: Seen) -> None:
        anchor = anchors.load(place.anchor)
        if anchor is None or anchor.port is None:
            return
        if not self._is_watched(place.balancer, anchor.key, is_balancer=True) and not anchor.is_deleted:
            seen.is_unsettled = True
            self._platform.revive(place)
        for ordinal in place.ordinals():
            folder = place.instance(ordinal).folder
            if not self._is_watched(folder, anchor.key, is_balancer=False):
                seen.dead.add(folder)
        if any(place.instances in folder.parents for folder in seen.dead - self._seen.dead):
            self._on_change(anchor.key)

    def _is_watched(self, folder: Path, key: ClusterKey, *, is_balancer: bool) -> bool:
        """Whether the folder's process lives; if so it is watched from now on."""
        process = self._launcher.look(folder)
        if process is None:
            return False
        if hasattr(os, "pidfd_open") and all(watch.process != process for watch in self._watched.values()):
            with contextlib.suppress(OSError):
                self._watched[os.pidfd_open(process.pid)] = Watch(process, key, is_balancer)
        return True
