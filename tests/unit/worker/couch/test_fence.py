"""The order of a fence (hazards H8), on a configuration in memory that may restart or be altered at any request."""

import json
from collections.abc import Callable
from itertools import product
from urllib.parse import unquote

import httpx
import pytest

from common.errors import TemporaryError
from worker.core.observed import Fence, Instance
from worker.couch.adapter import HttpCouch
from worker.couch.fence_config import KANTO, KEPT_ADMINS, KEPT_VALUES, read_fence
from worker.ports import Credentials

LOGIN = Credentials("kanto", "pw")
ONE = Instance("one", "one", "http://one.test", "", "running", serving=True)
NONCE = "n"
OWN = {KANTO, KEPT_ADMINS, KEPT_VALUES}
BEFORE = {
    "couchdb": {"uuid": "u"},
    "admins": {"kanto": "-pbkdf2-aa,bb,10", "ann": "-pbkdf2-cc,dd,10", "b@x": "-pbkdf2-ee,ff,10"},
    "chttpd": {"authentication_handlers": "{chttpd_auth, jwt_authentication_handler}"},
    "chttpd_auth_lockout": {"mode": "off"},
}


class Server(httpx.BaseTransport):
    """CouchDB's configuration: values in a file, values in memory, and a restart that forgets the latter.

    `at` is called with the number of each request before it is carried out.
    """

    def __init__(self) -> None:
        self.file = {section: dict(values) for section, values in BEFORE.items()}
        self.memory: dict[str, dict[str, str]] = {}
        self.requests = 0
        self.is_restarted_since_last_change = False
        self.at: Callable[[int], None] = lambda _: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        self.at(self.requests)
        answer = self._answer(request)
        if self.is_told_fenced():
            assert self.is_restarted_since_last_change
        return answer

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/_node/_local/_restart":
            self.restart()
            return httpx.Response(200, json={"ok": True})
        if path == "/_node/_local/_config":
            return httpx.Response(200, json=self.config())
        section, key = (unquote(part) for part in path.removeprefix("/_node/_local/_config/").split("/"))
        if request.method == "DELETE":
            had = [layer[section].pop(key, None) for layer in (self.file, self.memory) if section in layer]
            self._note_change(section)
            return httpx.Response(200 if any(had) else 404, json="")
        layer = self.memory if request.headers.get("x-couch-persist") == "false" else self.file
        layer.setdefault(section, {})[key] = json.loads(request.content)
        self._note_change(section)
        return httpx.Response(200, json="")

    def _note_change(self, section: str) -> None:
        if section not in OWN:
            self.is_restarted_since_last_change = False

    def restart(self) -> None:
        self.memory.clear()
        self.is_restarted_since_last_change = True

    def tamper(self) -> None:
        self.file["admins"]["eve"] = "-pbkdf2-11,22,10"
        self.is_restarted_since_last_change = False

    def config(self) -> dict[str, dict[str, str]]:
        sections = {*self.file, *self.memory}
        whole = {section: {**self.file.get(section, {}), **self.memory.get(section, {})} for section in sections}
        return {section: values for section, values in whole.items() if values}

    def is_told_fenced(self) -> bool:
        return read_fence(self.config(), LOGIN) == Fence(NONCE)


class Dead(Exception):
    """The worker dies here."""


def fence(server: Server) -> None:
    """One worker's call, which may die."""
    with HttpCouch(threads=1, transport=server) as couch:
        couch.fence(ONE, NONCE, LOGIN)


def finish(server: Server) -> None:
    """Other workers go on until the fence stands."""
    server.at = lambda _: None
    for _ in range(10):
        if server.is_told_fenced():
            return
        fence(server)
    pytest.fail("ten calls make no fence")


def length() -> int:
    """How many requests fencing and unfencing take."""
    server = Server()
    finish(server)
    with HttpCouch(threads=1, transport=server) as couch:
        couch.unfence(ONE, LOGIN)
    return server.requests


def test_two_calls_and_a_restart_make_a_fence() -> None:
    server = Server()
    fence(server)
    assert not server.is_told_fenced()
    fence(server)
    assert server.is_told_fenced()
    assert set(server.config()["admins"]) == set(BEFORE["admins"])


def test_a_restart_or_a_death_at_any_two_requests_never_makes_a_fence_too_early() -> None:
    """The server looks after every request: a fence is told only if a restart came after the last value."""
    for restart_at, die_at in product(range(1, length() + 1), repeat=2):
        server = Server()

        def at(request: int, server: Server = server, restart_at: int = restart_at, die_at: int = die_at) -> None:
            if request == restart_at:
                server.restart()
            if request == die_at:
                raise Dead

        server.at = at
        for _ in range(2):
            try:
                fence(server)
            except Dead:
                break
        finish(server)
        assert server.is_told_fenced()


def test_an_admin_who_appears_at_any_request_is_found_and_locked_out_too() -> None:
    for tamper_at in range(1, length() + 1):
        server = Server()
        server.at = lambda request, server=server, tamper_at=tamper_at: (  # type: ignore[misc]
            server.tamper() if request == tamper_at else None
        )
        fence(server)
        fence(server)
        finish(server)
        with HttpCouch(threads=1, transport=server) as couch:
            couch.unfence(ONE, LOGIN)
        admins = server.config()["admins"]
        assert {name: admins[name] for name in BEFORE["admins"]} == BEFORE["admins"]


def test_dying_at_any_request_of_an_unfence_leaves_it_to_the_next() -> None:
    for die_at in range(1, length() + 1):
        server = Server()
        finish(server)
        first = server.requests

        def at(request: int, last: int = first + die_at) -> None:
            if request == last:
                raise Dead

        server.at = at
        with HttpCouch(threads=1, transport=server) as couch:
            try:
                couch.unfence(ONE, LOGIN)
            except Dead:
                server.at = lambda _: None
                couch.unfence(ONE, LOGIN)
        assert server.config() == BEFORE


def test_fencing_again_in_the_middle_of_an_unfence_keeps_what_was_there_before_both() -> None:
    for die_at in range(1, length() + 1):
        server = Server()
        finish(server)
        first = server.requests

        def at(request: int, last: int = first + die_at) -> None:
            if request == last:
                raise Dead

        server.at = at
        with HttpCouch(threads=1, transport=server) as couch:
            try:
                couch.unfence(ONE, LOGIN)
            except Dead:
                finish(server)
                couch.unfence(ONE, LOGIN)
        assert server.config() == BEFORE


def test_a_fence_away_from_its_instance_raises_temporary_error() -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with HttpCouch(threads=1, transport=httpx.MockTransport(refuse)) as couch, pytest.raises(TemporaryError):
        couch.fence(ONE, NONCE, LOGIN)
