"""Who may ask, and how often: counted in the transaction that gives what proves the caller."""

import pytest

from common.errors import NotRebuilt
from common.store.admission import Full, Knock, Window
from common.store.port import Store
from tests.contract.store.bench import Bench
from tests.contract.store.requests import HASH, KEY, accepted, creation

MINUTE = 60
"""Seconds. The bench's time begins at a whole minute."""


def window(name: str, most: int, seconds: int = MINUTE) -> Window:
    return Window(name, most, seconds)


def test_nobody_is_admitted_to_a_store_that_was_not_rebuilt(new_bench: Bench) -> None:
    with pytest.raises(NotRebuilt):
        new_bench.store.admit(Knock(KEY.user))


def test_an_admission_brings_what_proves_the_caller(store: Store) -> None:
    assert store.admit(Knock(KEY.user)).owner_hash is None
    accepted(store, creation())
    assert store.admit(Knock(KEY.user)).owner_hash == HASH


def test_a_window_lets_so_many_pass_and_says_when_the_next_begins(bench: Bench) -> None:
    knock = Knock(KEY.user, callers=(window("address", 2),))
    bench.elapse(20)
    assert [bench.store.admit(knock).full for _ in range(3)] == [None, None, Full("address", 40.0)]
    bench.elapse(39.999)
    assert bench.store.admit(knock).full == Full("address", 0.001)
    bench.elapse(0.001)
    assert bench.store.admit(knock).full is None


def test_of_two_full_windows_the_longer_wait_is_told(store: Store) -> None:
    knock = Knock(KEY.user, callers=(window("address", 1), window("address", 1, 3600)))
    assert store.admit(knock).full is None
    assert store.admit(knock).full == Full("address", 3600.0)


def test_no_stranger_uses_up_what_is_the_users(store: Store) -> None:
    accepted(store, creation())
    stranger = Knock(KEY.user, users=(window(KEY.user, 1),))
    owner = Knock(KEY.user, HASH, users=(window(KEY.user, 1),))
    assert [store.admit(stranger).full for _ in range(5)] == [None] * 5
    assert store.admit(owner).full is None
    assert store.admit(owner).full == Full(KEY.user, 60.0)
    assert store.admit(stranger).full is None


def test_refused_logins_hold_back_whoever_is_not_proved(bench: Bench) -> None:
    accepted(bench.store, creation())
    refusals = (window("refused", 2),)
    stranger, owner = Knock(KEY.user, refusals=refusals), Knock(KEY.user, HASH, refusals=refusals)
    for _ in range(2):
        assert bench.store.admit(stranger).full is None
        bench.store.hit(refusals)
    assert bench.store.admit(stranger).full == Full("refused", 60.0)
    assert bench.store.admit(owner).full is None
    bench.elapse(60)
    assert bench.store.admit(stranger).full is None


def test_a_hash_that_is_not_the_users_any_more_proves_nothing(store: Store) -> None:
    accepted(store, creation())
    store.give_token(KEY.user, "another", "line")
    refusals = (window("refused", 1),)
    store.hit(refusals)
    assert store.admit(Knock(KEY.user, HASH, refusals=refusals)).full is not None


def test_a_hit_tells_when_it_was_too_often(store: Store) -> None:
    assert store.hit([window("user", 1)]) is None
    assert store.hit([window("user", 1), window("other", 9)]) == Full("user", 60.0)
    assert store.hit([]) is None
