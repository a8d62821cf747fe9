"""Exclusive locks on files, between threads and between processes. They end with whoever holds them."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import TemporaryError

PATIENCE = 4.0
"""Seconds. What is done under a lock takes a fraction of one; more than this is somebody who hangs."""

BETWEEN_TRIES = 0.01


@contextmanager
def hold(path: Path, *, patience: float = PATIENCE) -> Iterator[int]:
    """Hold the file's lock while the block runs; its open descriptor. TemporaryError when others hold it too long.

    Lock files are never removed: two who hold two files of one name would both believe themselves alone.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, path, patience)
        yield descriptor
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TemporaryError("cluster_locked", f"{path.name} has been locked for {patience:g} s") from None
            time.sleep(BETWEEN_TRIES)
        else:
            return
