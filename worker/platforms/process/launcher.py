"""Starting, looking at and ending the processes of a home. Each has a folder of its own, with a lock it holds for life.

`Launcher` is small on purpose: instances may live in a container of their own, with a launcher reached over a socket.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from common.errors import TemporaryError
from worker.platforms.process.processes import Process, read_process, send, wait_until_gone

LAUNCH = Path(__file__).with_name("launch.py")
START_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Launch:
    """A program to become the process of a folder. Never a secret in `command`: everybody on the machine reads it."""

    folder: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


class Launcher(Protocol):
    """See the module. Every call is short and may be repeated."""

    def start(self, launches: Sequence[Launch]) -> tuple[str, ...]:
        """Start each and return once it runs its program, ready or not; per launch "" or why not, in words.

        A folder whose process lives, or has children that do, is locked, and is not started a second time (hazards H2).
        """
        ...

    def look(self, folder: Path) -> Process | None:
        """The living process of this folder."""
        ...

    def nudge(self, folder: Path) -> None:
        """Tell the process of this folder that its files have changed (SIGHUP). Nothing when there is none."""
        ...

    def stop(self, folders: Sequence[Path], *, patience: float, kill_after: float = 0.0) -> tuple[Path, ...]:
        """End the processes of these folders; those whose process is still there after `patience` seconds.

        With `kill_after` 0 outright (SIGKILL), else politely (SIGTERM) and outright after so many seconds.
        """
        ...


class LocalLauncher:
    """Processes of this machine, detached: they outlive whoever started them, and none becomes its zombie."""

    def start(self, launches: Sequence[Launch]) -> tuple[str, ...]:
        if not launches:
            return ()
        try:
            answer = subprocess.run(
                [sys.executable, "-I", "-S", str(LAUNCH)],
                input=json.dumps([asdict(item) for item in launches]),
                capture_output=True,
                text=True,
                timeout=START_SECONDS,
                check=True,
                start_new_session=True,
            )
            words = json.loads(answer.stdout)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise TemporaryError("launcher_failed", "the launcher of processes could not do its work") from error
        return tuple(str(word) for word in words)

    def look(self, folder: Path) -> Process | None:
        return read_process(folder)

    def nudge(self, folder: Path) -> None:
        process = read_process(folder)
        if process is not None:
            send(process, signal.SIGHUP)

    def stop(self, folders: Sequence[Path], *, patience: float, kill_after: float = 0.0) -> tuple[Path, ...]:
        alive = {folder: process for folder in folders if (process := read_process(folder)) is not None}
        if kill_after > 0:
            for process in alive.values():
                send(process, signal.SIGTERM)
            wait_until_gone(tuple(alive.values()), seconds=min(kill_after, patience))
        for process in alive.values():
            send(process, signal.SIGKILL)
        wait_until_gone(tuple(alive.values()), seconds=max(patience - kill_after, 0.5))
        return tuple(folder for folder, process in alive.items() if process.is_running())


def minimal_environment(**more: str) -> dict[str, str]:
    """What a started program sees of ours: nothing that may hold a secret."""
    kept = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")
    return {key: os.environ[key] for key in kept if key in os.environ} | more  # the environment of children, no setting
