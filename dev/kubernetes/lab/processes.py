"""Processes by identity: a pid alone may have become a stranger's."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dev.kubernetes.lab.place import Place

TICKS = os.sysconf("SC_CLK_TCK")


def start_time(pid: int) -> str | None:
    """In ticks since the machine started; None for a process that is not there or a zombie (proc(5), stat)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def note_init(place: Place, pid: int) -> None:
    """Remember the lab's first process."""
    place.init.write_text(f"{pid} {start_time(pid)}", encoding="utf-8")


def find_init(place: Place) -> int | None:
    """The pid of the lab's first process, if it is alive."""
    try:
        pid, started = place.init.read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return None
    return int(pid) if start_time(int(pid)) == started else None


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a lab. `pid` is what the lab's first process knows it by."""

    pid: int
    name: str
    resident_kib: int
    cpu_seconds: float


def read_all(pids: Iterable[int]) -> Iterator[Process]:
    """Those of them that are still there."""
    for pid in pids:
        try:
            yield _read(Path(f"/proc/{pid}"))
        except OSError:
            continue


def _read(folder: Path) -> Process:
    lines = (folder / "status").read_text(encoding="utf-8", errors="replace").splitlines()
    status = dict(line.split(":", 1) for line in lines if ":" in line)
    times = (folder / "stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()[11:13]
    return Process(
        pid=int(status["NSpid"].split()[1]),  # in our namespace, in the lab's, in a container's
        name=status["Name"].strip(),
        resident_kib=int(status.get("VmRSS", "0").split()[0]),
        cpu_seconds=sum(map(int, times)) / TICKS,
    )
