"""`kanto users ...`: what an operator does to users. A token is read or made here, and never an argument."""

import argparse
import getpass
import secrets
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

from common.names import check_token, check_username
from common.passwords import admin_line, build_hasher
from common.store.port import Store
from kanto.run.settings import RunSettings
from kanto.store import open_store

TOKEN_BYTES = 24
"""192 bits, which base64url writes in 32 characters that every rule of tokens allows."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`users` and what it can do, for the command line."""
    parser = commands.add_parser(
        "users",
        help="list, add, disable, enable or remove users, or give one another token",
        description="Everything counts from the next request on: no process has to be told.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", title="actions")
    actions.add_parser("list", help="all users, how many clusters each has, and who is disabled")
    for name, what in (
        ("add", "add a user; the token is read from standard input"),
        ("token", "give a user another token, read from standard input; logins of databases follow within seconds"),
    ):
        one = actions.add_parser(name, help=what)
        one.add_argument("user")
        one.add_argument("--generate", action="store_true", help="make a token and print it, once")
    for name, what in (
        ("disable", "answer a user as one who does not exist; clusters go on, and so do logins of databases"),
        ("enable", "undo a disable"),
        ("remove", "free a name; refused while the user has clusters"),
    ):
        actions.add_parser(name, help=what).add_argument("user")


def users(parsed: argparse.Namespace, settings: RunSettings) -> Iterator[str]:
    """Carry out one action; the lines to print. A Refusal when something has to be put right first."""
    with open_store(settings) as store:
        rounds = settings.password_iterations
        yield from act(store, parsed, read_token=lambda: read_token(sys.stdin), iterations=rounds)


def act(store: Store, parsed: argparse.Namespace, *, read_token: Callable[[], str], iterations: int) -> Iterator[str]:
    """As `users`, on a store; KantoError for what cannot be done. `read_token` is asked only where one is needed.

    `iterations` are those of the PBKDF2 by which databases know a token.
    """
    if parsed.action == "list":
        yield from (_line(one.name, one.clusters, is_disabled=one.is_disabled) for one in store.users())
        return
    user = parsed.user
    match parsed.action:
        case "add" | "token":
            check_username(user)
            token = secrets.token_urlsafe(TOKEN_BYTES) if parsed.generate else check_token(read_token())
            owner_hash = build_hasher().hash(token)
            if parsed.action == "add":
                store.add_user(user, owner_hash)
            else:
                line = admin_line(token, salt=secrets.token_hex(16), iterations=iterations)
                store.give_token(user, owner_hash, line)
            if parsed.generate:
                yield token
        case "disable" | "enable":
            store.disable_user(user, disabled=parsed.action == "disable")
        case "remove":
            store.remove_user(user)


def read_token(source: TextIO) -> str:
    """The first line; asked for without an echo where somebody types."""
    if source.isatty():
        return getpass.getpass("token: ")
    return source.readline().rstrip("\r\n")


def _line(name: str, clusters: int, *, is_disabled: bool) -> str:
    count = "1 cluster" if clusters == 1 else f"{clusters} clusters"
    return f"{name}\t{count}\t{'disabled' if is_disabled else 'enabled'}"
