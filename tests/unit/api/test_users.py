import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from api.fields import Caller
from api.threads import Threads
from api.users import REMEMBERED, REMEMBERED_FOR, Users
from common.errors import PermanentError, StoreUnavailable
from common.passwords import build_hasher

pytestmark = pytest.mark.anyio

ME = Caller("johny2", "Ty5wvW7LuQ3T")


class CountingHasher(PasswordHasher):
    """A cheap hasher that counts its work."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - the library's name for it
        self.verified += 1
        return super().verify(hash, password)


class World:
    def __init__(self, threads: Threads) -> None:
        self.now = 1000.0
        self.hasher = CountingHasher()
        self.users = Users(self.hasher, threads, chance=random.Random(1), clock=lambda: self.now)
        self.stored = self.hasher.hash(ME.token)


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    threads = Threads(
        "t", count=2, start_within=60, in_trouble=60, late=lambda: StoreUnavailable("late"), clock=lambda: 0.0
    )
    yield World(threads)
    threads.close()


async def test_the_right_token_is_right_and_others_are_not() -> None:
    async with world() as here:
        assert await here.users.is_right(ME, here.stored)
        assert not await here.users.is_right(Caller("johny2", "another-token"), here.stored)


async def test_a_check_counts_for_a_minute() -> None:
    async with world() as here:
        for _ in range(3):
            assert await here.users.is_right(ME, here.stored)
        assert here.hasher.verified == 1
        here.now += REMEMBERED_FOR
        assert await here.users.is_right(ME, here.stored)
        assert here.hasher.verified == 2


async def test_only_what_was_right_is_remembered() -> None:
    async with world() as here:
        for _ in range(2):
            assert not await here.users.is_right(Caller("johny2", "another-token"), here.stored)
        assert here.hasher.verified == 2


async def test_another_stored_hash_is_checked_anew() -> None:
    async with world() as here:
        assert await here.users.is_right(ME, here.stored)
        assert not await here.users.is_right(ME, here.hasher.hash("another-token"))


async def test_a_check_of_one_user_is_not_anothers() -> None:
    async with world() as here:
        assert await here.users.is_right(ME, here.stored)
        assert await here.users.is_right(Caller("mary", ME.token), here.stored)
        assert here.hasher.verified == 2


async def test_nobodys_name_takes_as_long_as_a_wrong_token() -> None:
    async with world() as here:
        assert not await here.users.is_right(ME, None)
        assert here.hasher.verified == 1


async def test_who_was_hashed_is_known_already() -> None:
    async with world() as here:
        made = await here.users.hash(ME)
        assert await here.users.is_right(ME, made)
        assert here.hasher.verified == 0


async def test_a_stored_hash_that_cannot_be_read_is_no_wrong_token() -> None:
    async with world() as here:
        with pytest.raises(PermanentError):
            await here.users.is_right(ME, "not a hash")


async def test_what_is_remembered_holds_no_token() -> None:
    async with world() as here:
        await here.users.is_right(ME, here.stored)
        assert ME.token not in repr(vars(here.users))


async def test_what_is_remembered_has_a_limit() -> None:
    async with world() as here:
        for number in range(REMEMBERED + 5):
            here.users._remember(Caller(f"user{number}", ME.token), here.stored)
        assert len(here.users._checked) == REMEMBERED


def test_the_hash_is_the_one_that_was_decided() -> None:
    made = build_hasher().hash("Ty5wvW7LuQ3T")
    assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    with pytest.raises(VerifyMismatchError):
        build_hasher().verify(made, "another-token")
