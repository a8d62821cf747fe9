"""Ports: chosen once, kept for life, never one that this home has given to another."""

import errno
import hashlib
from collections.abc import Callable, Collection
from pathlib import Path

import common.ports
from common.errors import PermanentError


def first_choice(home: Path, ports: range) -> int:
    """Where a home begins to search, so that two homes side by side do not meet."""
    digest = hashlib.sha256(str(home).encode()).digest()
    return ports[int.from_bytes(digest[:8], "big") % len(ports)]


def choose(
    ports: range, *, first: int, taken: Collection[int], count: int, is_free: Callable[[int], bool]
) -> list[int]:
    """`count` free ports from `first` on and round; PermanentError when there are not as many."""
    at = ports.index(first)
    found: list[int] = []
    for port in (*ports[at:], *ports[:at]):
        if len(found) == count:
            break
        if port not in taken and is_free(port):
            found.append(port)
    if len(found) < count:
        raise PermanentError(
            "no_free_port",
            f"no {count} free ports between {ports.start} and {ports.stop - 1}",
            action="Delete clusters that are not needed, or give a wider range in KANTO_INSTANCE_PORTS",
        )
    return found


def why_not(bind: str, port: int) -> str | None:
    """Why a server could not listen there just now, in words; None if it could."""
    error = common.ports.why_not(bind, port)
    if error is None:
        return None
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {bind} is taken by another program"
    return f"port {port} of {bind} cannot be used: {error.strerror or error}"
