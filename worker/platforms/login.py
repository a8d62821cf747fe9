"""kanto's own admin of a cluster and the secret of its cookies, wherever its instances run. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field

from common.passwords import admin_line

ITERATIONS = 10
"""Enough for a password of 256 random bits, and 2 ms instead of 150 at each first login."""


@dataclass(frozen=True, slots=True)
class Login:
    """The same for all instances of a cluster, so that a cookie of one is valid on the next."""

    name: str
    password: str = field(repr=False)
    line: str = field(repr=False)
    secret: str = field(repr=False)


def make_login(token: Callable[[int], str]) -> Login:
    """A new one; `token(n)` gives n random bytes as hex. Its name is random too: nobody can lock it out by guessing."""
    password = token(32)
    line = admin_line(password, salt=token(16), iterations=ITERATIONS)
    return Login(name=f"kanto-{token(8)}", password=password, line=line, secret=token(32))
