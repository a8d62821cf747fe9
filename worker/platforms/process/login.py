"""A cluster's login as a file: made once, never again (hazards H26)."""

from collections.abc import Callable
from pathlib import Path

from common.codec import decode, encode
from worker.platforms.login import Login, make_login
from worker.platforms.process import files


def load(path: Path) -> Login | None:
    """None when it was not made yet; PermanentError when it cannot be read."""
    text = files.read(path)
    return None if text is None else decode(Login, text)


def ensure(path: Path, *, token: Callable[[int], str]) -> Login:
    """The login of this file, made if there is none. Of two who make one at once, one does and both get that."""
    found = load(path)
    if found is None:
        files.create(path, encode(make_login(token)))
        found = load(path)
    if found is None:
        raise FileNotFoundError(path)
    return found
