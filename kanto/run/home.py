"""The folder that holds all data of one kanto on this machine, and belongs to one `kanto run` at a time."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kanto.refusal import Refusal

LEAST_ROOM = 64 * 1024 * 1024
"""Bytes. Below that Redis soon refuses writes."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where things lie in it. Only its owner can read them: passwords are among them."""

    path: Path

    @property
    def redis(self) -> Path:
        """Redis' data, configuration and password."""
        return self.path / "redis"

    @property
    def ledger(self) -> Path:
        """The processes of the run that holds this home."""
        return self.path / "run.json"


@contextmanager
def hold(path: Path) -> Iterator[Home]:
    """Make the folder if need be and hold it alone while the block runs; a Refusal when that cannot be."""
    home = Home(path.absolute())
    try:
        home.redis.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.path.chmod(0o700)
        check_room(home.path, shutil.disk_usage(home.path).free)
        descriptor = os.open(home.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Refusal(describe(home.path, error)) from error
    try:
        _lock(home.path, descriptor)
        yield home
    finally:
        os.close(descriptor)  # the lock goes with it; the file stays, or two could hold two files of one name


def _lock(path: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 20).decode(errors="replace").strip()
        who = f" (process {holder})" if holder.isdecimal() else ""
        raise Refusal(
            f"{path} is in use by another `kanto run`{who}: end that one, or choose another folder with KANTO_HOME "
            "(and another port with KANTO_PORT)."
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def check_room(path: Path, free: int) -> None:
    """A Refusal when the disk is as good as full."""
    if free < LEAST_ROOM:
        raise Refusal(
            f"The disk of {path} has {free // 1024**2} MB left: make room (kanto wants {LEAST_ROOM // 1024**2} MB to "
            "begin with), or choose a folder on another disk with KANTO_HOME."
        )


def describe(path: Path, error: OSError) -> str:
    """What is wrong with the folder, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of {path} is full: make room, or choose a folder on another disk with KANTO_HOME."
    return f"{path} cannot be used ({error.strerror}): mend that, or choose another folder with KANTO_HOME."


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)


def read(path: Path) -> str | None:
    """What the file says, without white space around it; None when there is none."""
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
