"""kanto's own admin of a cluster and the secret of its cookies: made once, never again (hazards H26)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from common.codec import decode, encode
from common.passwords import admin_line
from worker.platforms.process import files

ITERATIONS = 10
"""Enough for a password of 256 random bits, and 2 ms instead of 150 at each first login."""


@dataclass(frozen=True, slots=True)
class Login:
    """The same for all instances of a cluster, so that a cookie of one is valid on the next."""

    name: str
    password: str = field(repr=False)
    line: str = field(repr=False)
    secret: str = field(repr=False)


def load(path: Path) -> Login | None:
    """None when it was not made yet; PermanentError when it cannot be read."""
    text = files.read(path)
    return None if text is None else decode(Login, text)


def ensure(path: Path, *, token: Callable[[int], str]) -> Login:
    """The login of this file, made if there is none. Of two who make one at once, one does and both get that."""
    found = load(path)
    if found is None:
        password = token(32)
        line = admin_line(password, salt=token(16), iterations=ITERATIONS)
        files.create(path, encode(Login(name=f"kanto-{token(8)}", password=password, line=line, secret=token(32))))
        found = load(path)
    if found is None:
        raise FileNotFoundError(path)
    return found
