"""Users prove themselves by their token. It is kept as argon2id; a check that succeeded counts for a minute."""

import hmac
from collections import OrderedDict
from collections.abc import Callable
from random import Random

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError, VerifyMismatchError

from api.fields import Caller
from api.threads import Threads
from common.errors import PermanentError

REMEMBERED_FOR = 60.0
"""Seconds."""

REMEMBERED = 10_000
"""Checks kept in memory at most; the oldest goes first."""


class Users:
    """Checks and makes hashes of tokens, in the threads given: each takes 19 MiB while it runs.

    What is remembered is a keyed hash of user and token, and the stored hash that it was proved by, so that memory
    holds no token. The stored hash is read anew for each request: a new token and a disabled user count at once.
    """

    def __init__(self, hasher: PasswordHasher, hashing: Threads, *, chance: Random, clock: Callable[[], float]) -> None:
        self._hasher = hasher
        self._hashing = hashing
        self._clock = clock
        self._key = chance.randbytes(32)
        self._nobody = hasher.hash(chance.randbytes(32))
        self._checked: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def proved_by(self, caller: Caller) -> str | None:
        """The stored hash that this very token was proved by within the last minute, if any. From any thread."""
        stored, until = self._checked.get(self._mark(caller), ("", 0.0))
        return stored if stored and self._clock() < until else None

    async def is_right(self, caller: Caller, stored: str | None) -> bool:
        """Whether the token is the one of `stored`. For nobody's name it is wrong, after as long a time as any."""
        if stored is None:
            await self._hashing.run(self._verify, self._nobody, caller.token)
            return False
        if self.proved_by(caller) == stored:
            return True
        if not await self._hashing.run(self._verify, stored, caller.token):
            return False
        self._remember(caller, stored)
        return True

    async def hash(self, caller: Caller) -> str:
        """The argon2id string by which the caller will be known. The check of it is remembered already."""
        made = await self._hashing.run(self._hasher.hash, caller.token)
        self._remember(caller, made)
        return made

    def _mark(self, caller: Caller) -> bytes:
        return hmac.digest(self._key, f"{caller.user}\0{caller.token}".encode(), "sha256")  # neither can hold a NUL

    def _remember(self, caller: Caller, stored: str) -> None:
        mark = self._mark(caller)
        self._checked[mark] = (stored, self._clock() + REMEMBERED_FOR)
        self._checked.move_to_end(mark)
        while len(self._checked) > REMEMBERED:
            self._checked.popitem(last=False)

    def _verify(self, stored: str, token: str) -> bool:
        try:
            return self._hasher.verify(stored, token)
        except VerifyMismatchError:
            return False
        except (Argon2Error, InvalidHashError) as error:
            raise PermanentError("bad_record", "the stored hash of a user cannot be read") from error
