"""Starts the first process of a lab, in namespaces and control groups of its own, detached from the caller."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from dev.kubernetes.lab import cgroups, kernel
from dev.kubernetes.lab.place import LabError, Place

NAMESPACES = (
    kernel.NEW_MOUNTS
    | kernel.NEW_CGROUPS
    | kernel.NEW_HOST_NAME
    | kernel.NEW_IPC
    | kernel.NEW_PIDS
    | kernel.NEW_NETWORK
)


def spawn(place: Place, first: Callable[[], None]) -> int:
    """Run `first` as process 1 of new namespaces, and give its pid as it is here.

    There are three processes: the caller; one in between, which dies with the caller and joins the control groups
    before it makes the first; and the first. So a caller that is killed leaves nothing that `cgroups.remove` does
    not find.
    """
    groups = cgroups.make(place)
    sys.stdout.flush()
    sys.stderr.flush()
    read, write = os.pipe()
    caller = os.getpid()
    between = os.fork()
    if between == 0:
        _guard(lambda: _go_between(place, caller, write, groups=lambda: cgroups.join(groups), first=first))
    os.close(write)
    with os.fdopen(read, "rb") as answers:
        pid = answers.read(32)
    os.waitpid(between, 0)
    if not pid:
        raise LabError(f"the lab's first process did not start, see {place.logs / 'lab.log'}")
    return int(pid)


def _go_between(
    place: Place, caller: int, answers: int, *, groups: Callable[[], None], first: Callable[[], None]
) -> None:
    kernel.die_with(caller)
    os.setsid()
    _detach(place, keep=answers)
    groups()
    kernel.unshare(NAMESPACES)
    child = os.fork()
    if child == 0:
        os.close(answers)
        _guard(first)
    os.write(answers, str(child).encode())


def _detach(place: Place, *, keep: int) -> None:
    """Nothing of the caller's stays open: not its terminal, not its lock."""
    null = os.open(os.devnull, os.O_RDONLY)
    log = os.open(place.logs / "lab.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for here, there in ((null, 0), (log, 1), (log, 2)):
        os.dup2(here, there)
    os.closerange(3, keep)
    os.closerange(keep + 1, os.sysconf("SC_OPEN_MAX"))


def _guard(work: Callable[[], None]) -> NoReturn:
    """A forked process ends here, and never returns into the caller's code."""
    try:
        work()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)
