"""What an operator does to users, on the store in memory."""

import io
import time

import pytest

from common.errors import UserError
from common.passwords import admin_line, build_hasher
from kanto.commands import build_parser
from kanto.users import act, read_token
from tests.contract.store.requests import KEY, accepted, creation, record_of
from tests.twins.store.store import MemoryStore

TOKEN = "Ty5wvW7LuQ3T"


def rebuilt() -> MemoryStore:
    store = MemoryStore(time.time)
    store.rebuild(())
    return store


def do(store: MemoryStore, *words: str, token: str = TOKEN) -> list[str]:
    return list(act(store, build_parser().parse_args(["users", *words]), read_token=lambda: token, iterations=1))


def is_token_of(store: MemoryStore, user: str, token: str) -> bool:
    stored = store.owner_hash(user)
    return stored is not None and build_hasher().verify(stored, token)


def test_an_added_user_has_the_token_that_was_read() -> None:
    store = rebuilt()
    assert do(store, "add", "ann") == []
    assert is_token_of(store, "ann", TOKEN)
    assert do(store, "list") == ["ann\t0 clusters\tenabled"]


def test_a_token_that_is_made_is_printed_and_is_the_users() -> None:
    store = rebuilt()
    (first,) = do(store, "add", "ann", "--generate")
    (second,) = do(store, "token", "ann", "--generate")
    assert first != second
    assert len(first) == 32
    assert is_token_of(store, "ann", second)


def test_another_token_is_the_login_of_databases_too() -> None:
    store = rebuilt()
    accepted(store, creation(owner_hash=build_hasher().hash(TOKEN)))
    do(store, "token", KEY.user, token="another-token")
    line = record_of(store).spec.admin_line
    salt = line.split(",")[1]
    assert line == admin_line("another-token", salt=salt, iterations=1)
    do(store, "token", KEY.user, token="another-token")
    assert record_of(store).spec.admin_line.split(",")[1] != salt, "each password has a salt of its own"


def test_a_token_outside_the_rules_is_refused_and_not_repeated() -> None:
    with pytest.raises(UserError) as error:
        do(rebuilt(), "add", "ann", token="a b")
    assert (error.value.code, "a b" in error.value.detail) == ("bad_token", False)


def test_a_name_outside_the_rules_is_refused_before_a_token_is_asked_for() -> None:
    def read() -> str:
        raise AssertionError("nobody should be asked")

    with pytest.raises(UserError, match="username"):
        list(act(rebuilt(), build_parser().parse_args(["users", "add", "ann b"]), read_token=read, iterations=1))


def test_users_are_disabled_enabled_and_removed() -> None:
    store = rebuilt()
    do(store, "add", "ann")
    do(store, "disable", "ann")
    assert do(store, "list") == ["ann\t0 clusters\tdisabled"]
    do(store, "enable", "ann")
    assert is_token_of(store, "ann", TOKEN)
    do(store, "remove", "ann")
    assert do(store, "list") == []


def test_no_token_is_an_argument() -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["users", "add", "ann", TOKEN])


def test_a_token_is_one_line() -> None:
    assert read_token(io.StringIO(f"{TOKEN}\r\nmore\n")) == TOKEN
