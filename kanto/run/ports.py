"""Ports of this machine: why one cannot be had, in words for people, and finding a free one."""

import errno
import random
import socket

from common.ports import why_not
from kanto.refusal import Refusal

OWN = range(10_000, 20_000)
"""Where our own Redis listens: below the instances' 20000-29999 and below what systems hand out to clients."""

TRIES = 100


def check(bind: str, port: int) -> None:
    """A Refusal when the api could not listen there."""
    error = why_not(bind, port)
    if error is not None:
        raise Refusal(describe(bind, port, error))


def describe(bind: str, port: int, error: OSError) -> str:
    """What is in the way, and what to do."""
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"{bind} is no address of this machine: set KANTO_BIND to one that is, such as 127.0.0.1."
    if error.errno == errno.EADDRINUSE:
        other = port + 1 if port < 65_535 else 8080
        return (
            f"Port {port} of {bind} is taken by another program: end that one, or choose another port, "
            f"as in `KANTO_PORT={other} kanto run`."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs rights that this user does not have: choose one above 1023 with KANTO_PORT."
    return f"Port {port} of {bind} cannot be used ({error.strerror}): choose another with KANTO_PORT."


def find_free(chance: random.Random) -> int:
    """A free port of 127.0.0.1. Chosen by chance, so that two that look at once do not find the same."""
    for port in chance.sample(OWN, TRIES):
        if why_not("127.0.0.1", port) is None:
            return port
    raise Refusal(
        f"No free port for Redis between {OWN.start} and {OWN.stop - 1}: name a Redis that runs in KANTO_REDIS_URL."
    )
