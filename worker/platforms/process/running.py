"""Keeping the processes of one cluster running: what is down is started, not too often, on its own port."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.platforms.process import ports, starts
from worker.platforms.process.launcher import Launch, Launcher
from worker.platforms.process.starts import Starts

STARTS = "starts.json"


@dataclass(frozen=True, slots=True)
class Part:
    """A folder that should have a process, an instance's or the balancer's. `build` says what to run."""

    folder: Path
    port: int
    build: Callable[[], Launch]
    longest_pause: float = starts.LONGEST_PAUSE


def ensure_running(parts: Sequence[Part], *, launcher: Launcher, bind: str, now: float) -> None:
    """Start those that are down and may be started by now; what is in the way of one is noted in its folder.

    A start is noted before it is made, so that one whose starter dies counts too.
    """
    due: list[tuple[Part, Starts]] = []
    for part in parts:
        if launcher.look(part.folder) is not None:
            continue
        before = starts.load(part.folder / STARTS)
        if before.wait(now, longest=part.longest_pause) > 0:
            continue
        obstacle = ports.why_not(bind, part.port)
        if obstacle is not None:
            starts.save(part.folder / STARTS, before.hindered(obstacle))
            continue
        due.append((part, before.started(now)))
    launches = [part.build() for part, _ in due]
    for part, noted in due:
        starts.save(part.folder / STARTS, noted)
    words = launcher.start(launches)
    for (part, noted), obstacle in zip(due, words, strict=True):
        if obstacle:
            starts.save(part.folder / STARTS, noted.hindered(obstacle))


def why_down(folder: Path, *, now: float) -> str:
    """Why the process of a folder that has none does not run, in words."""
    return starts.load(folder / STARTS).why_down(starts.last_words(folder / "log"), now)
