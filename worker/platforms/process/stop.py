"""The end of all processes of a home. Their data stay."""

from pathlib import Path

from worker.platforms.process.launcher import Launcher, LocalLauncher
from worker.platforms.process.layout import HomePlace

ROUNDS = 3
"""One that is just being started when we look is found by the next round."""


def stop_all(home: Path, *, kill_after: float = 8.0, launcher: Launcher | None = None) -> tuple[Path, ...]:
    """End every balancer and instance of this home, all at once: SIGTERM, and SIGKILL `kill_after` seconds later.

    To be called when no worker of the home runs any more, or they start what has ended again. Returns the folders of
    those that are still there, which is none unless the system holds them.
    """
    ending = launcher or LocalLauncher()
    left: tuple[Path, ...] = ()
    for _ in range(ROUNDS):
        alive = [folder for folder in _folders(HomePlace.of(home)) if ending.look(folder) is not None]
        if not alive:
            return ()
        left = ending.stop(alive, patience=kill_after + 1.0, kill_after=kill_after)
    return left


def _folders(home: HomePlace) -> list[Path]:
    found: list[Path] = []
    for place in home.clusters():
        found += [place.balancer, *(place.instance(ordinal).folder for ordinal in place.ordinals())]
    return found
