"""Control groups (version 1): a lab lives in groups named after it, so that none of its processes is ever lost.

There are two names. `<lab>` holds the lab itself, in every hierarchy, below the group of whoever called `up`;
`<lab>-exec` holds what `lab exec` started, in one hierarchy only. Children cannot leave either, so killing what is
in them ends all, whatever was written down about it before a crash.
"""

import os
import signal
import time
from collections.abc import Collection
from pathlib import Path

from dev.kubernetes.lab.place import LabError, Place

ROOT = Path("/sys/fs/cgroup")
NEEDED = ("blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids")
EXEC_CONTROLLER = "freezer"
PATIENCE = 60.0
"""Seconds in which killed processes end. They do at once, but for a disk or a machine that hangs."""


def hierarchies() -> dict[str, Path]:
    """The folder of our own group in each hierarchy, by its controllers: `cpu,cpuacct`, `name=systemd` (cgroups(7))."""
    found = {}
    for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        _, controllers, group = line.split(":", 2)
        root = ROOT / controllers.removeprefix("name=")
        if controllers and root.is_dir():
            found[controllers] = root / group.lstrip("/")
    return found


def missing() -> list[str]:
    """The controllers that a lab needs and that are in no hierarchy here."""
    there = {name for controllers in hierarchies() for name in controllers.split(",")}
    return [name for name in NEEDED if name not in there]


def make(place: Place) -> list[Path]:
    """The lab's groups, ready for processes."""
    made = []
    for controllers, own in hierarchies().items():
        group = own / place.name
        group.mkdir(exist_ok=True)
        if "cpuset" in controllers.split(","):  # a group without them takes no process
            for setting in ("cpuset.cpus", "cpuset.mems"):
                (group / setting).write_text((own / setting).read_text(encoding="utf-8"), encoding="utf-8")
        made.append(group)
    return made


def join(groups: list[Path]) -> None:
    """Move this process, and the children it will have."""
    for group in groups:
        (group / "cgroup.procs").write_text(str(os.getpid()), encoding="utf-8")


def join_exec(place: Place) -> None:
    """Move this process among those that `down` ends with the lab."""
    own = next(group for controllers, group in hierarchies().items() if EXEC_CONTROLLER in controllers.split(","))
    group = own / exec_name(place)
    group.mkdir(exist_ok=True)
    join([group])


def exec_name(place: Place) -> str:
    """Of the group of what `lab exec` started."""
    return f"{place.name}-exec"


def pids_in(names: Collection[str]) -> set[int]:
    """Of all processes in groups with one of these names, and in groups below them."""
    pids: set[int] = set()
    for group in _find(names):
        for folder, _, _ in os.walk(group):
            try:
                found = Path(folder, "cgroup.procs").read_text(encoding="utf-8").split()
            except OSError:
                continue
            pids.update(int(pid) for pid in found if pid != "0")  # 0: of a PID namespace that we do not see
    return pids


def remove(place: Place) -> None:
    """End every process in the lab's groups and remove the groups; LabError when a minute is too short for that."""
    names = {place.name, exec_name(place)}
    deadline = time.monotonic() + PATIENCE
    while pids := pids_in(names):
        for pid in pids:
            _kill(pid)
        _wait_a_little(deadline, f"processes {sorted(pids)} do not end")
    for group in _find(names):
        for folder, _, _ in os.walk(group, topdown=False):
            _remove_folder(Path(folder), deadline)


def _find(names: Collection[str]) -> list[Path]:
    """Wherever they are: the caller of `up` may have been in other groups than we are."""
    found = []
    for parent, children, _ in os.walk(ROOT):
        for child in set(names).intersection(children):
            children.remove(child)
            found.append(Path(parent, child))
    return found


def _kill(pid: int) -> None:
    if pid == os.getpid():
        raise LabError("a lab cannot be taken down from inside itself: call `down` outside of `exec`")
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _remove_folder(group: Path, deadline: float) -> None:
    """A group stays busy for a moment after its last process has ended."""
    while True:
        try:
            group.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            _wait_a_little(deadline, f"{group} cannot be removed: {error.strerror}")
        else:
            return


def _wait_a_little(deadline: float, complaint: str) -> None:
    if time.monotonic() > deadline:
        raise LabError(f"{complaint} within {PATIENCE:.0f} s")
    time.sleep(0.02)
