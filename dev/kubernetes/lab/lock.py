"""One command at a time makes or ends a lab."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from dev.kubernetes.lab.place import LabError, Place


@contextmanager
def hold(place: Place) -> Iterator[None]:
    """LabError when another process holds it. It leaves no file, and goes with its process (unix(7), abstract)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as lock:
        try:
            lock.bind(f"\0{place.name}")
        except OSError as error:
            raise LabError(f"another `lab` command is at work on {place.folder}: wait for it, or end it") from error
        yield
