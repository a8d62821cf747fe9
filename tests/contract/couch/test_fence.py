"""The fence: settings and a restart after which only one admin reads and writes, and its undoing."""

import json
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import httpx
import pytest

from tests.contract.couch.answers import expect
from tests.contract.couch.couch import Couch, hash_line
from tests.contract.couch.waiting import wait_for

HANDLERS = "{chttpd_auth, cookie_authentication_handler}, {chttpd_auth, default_authentication_handler}"
VALUES = {
    ("chttpd", "require_valid_user_except_for_up"): "true",
    ("chttpd", "authentication_handlers"): HANDLERS,
    ("chttpd_auth", "authentication_db"): "kanto_fence",
    ("chttpd_auth_lockout", "mode"): "off",
}
OPEN: dict[str, dict[str, list[str]]] = {"admins": {"names": [], "roles": []}, "members": {"names": [], "roles": []}}
USER_ADMIN = ("contract-owner", "the owner's")


@pytest.fixture
def fence(couch: Couch) -> Iterator[Callable[[], None]]:
    """Fences the first server against USER_ADMIN and all users; undone afterwards."""
    couch.set_config("admins", USER_ADMIN[0], hash_line(USER_ADMIN[1]))

    def raise_fence() -> None:
        couch.set_config("admins", USER_ADMIN[0], hash_line(secrets.token_hex(16)))
        for (section, key), value in VALUES.items():
            couch.set_config(section, key, value)
        restart(couch)

    yield raise_fence
    undo(couch)
    couch.drop_config("admins", USER_ADMIN[0])
    couch.hurry()


def restart(couch: Couch) -> None:
    """Restarts, and waits until a mark that only memory holds is gone and the server is up."""
    couch.set_config("kanto", "before_restart", "yes", persist=False)
    expect(couch.client.post("/_node/_local/_restart", json={}), "restart")

    def is_new() -> bool:
        try:
            return couch.is_up() and "before_restart" not in couch.get_config("kanto")
        except httpx.TransportError:
            return False

    wait_for(is_new, "the restart")


def undo(couch: Couch) -> None:
    for section, key in VALUES:
        couch.drop_config(section, key)
    couch.set_config("admins", USER_ADMIN[0], hash_line(USER_ADMIN[1]))


def test_the_values_are_taken_as_recorded(couch: Couch, fence: Callable[[], None]) -> None:
    del fence
    for (section, key), value in VALUES.items():
        answer = couch.client.put(f"/_node/_local/_config/{section}/{key}", json=value)
        expect(answer, f"fence_put_{key}")


def test_behind_the_fence_only_one_admin_reads_and_writes(
    couch: Couch, db: str, new_user: Callable[..., tuple[str, str]], fence: Callable[[], None]
) -> None:
    couch.client.put(f"/{db}/_security", json=OPEN)
    user = new_user()
    with ExitStack() as stack:
        clients = [stack.enter_context(couch.as_user(*login)) for login in (user, USER_ADMIN)]
        nobody = stack.enter_context(couch.as_nobody())
        # All logins are cached and all connections kept before the fence goes up, and one login has a cookie.
        for client in (*clients, nobody):
            assert client.put(f"/{db}/{secrets.token_hex(8)}", json={}).status_code == 201
        cookie = nobody.post("/_session", json={"name": user[0], "password": user[1]}).cookies["AuthSession"]
        nobody.cookies.clear()

        fence()

        head = couch.client.get(f"/{db}").json()["update_seq"]
        for client in clients:
            assert refused(client, "put", f"/{db}/late") == 401
            assert refused(client, "get", f"/{db}/late") == 401
        assert refused(nobody, "put", f"/{db}/late") == 401
        by_cookie = {"Cookie": f"AuthSession={cookie}"}
        assert nobody.put(f"/{db}/late", json={}, headers=by_cookie).status_code == 401
        expect(nobody.put(f"/{db}/zz", json={"x": 1}), "fenced_user_write")
        expect(nobody.get("/_up"), "fenced_up")
        assert couch.client.get(f"/{db}").json()["update_seq"] == head
        assert couch.client.get(f"/{db}/_changes", params={"since": head}).json()["results"] == []
        assert couch.client.put(f"/{db}/kanto", json={}).status_code == 201

        undo(couch)

        for client in (*clients, nobody):
            assert client.put(f"/{db}/{secrets.token_hex(8)}", json={}).status_code == 201


def refused(client: httpx.Client, method: str, path: str) -> int:
    """The status of a request, tried on a new connection where the kept one had been cut."""
    body: dict[str, int] | None = {} if method == "put" else None
    try:
        return client.request(method, path, json=body).status_code
    except httpx.TransportError:
        return client.request(method, path, json=body).status_code


def test_a_write_in_flight_is_neither_stored_nor_acknowledged(couch: Couch, db: str, fence: Callable[[], None]) -> None:
    couch.client.put(f"/{db}/_security", json=OPEN)
    where = urlsplit(couch.base)
    assert where.hostname is not None
    with socket.create_connection((where.hostname, where.port or 80), timeout=30) as slow:
        body = json.dumps({"n": 1}).encode()
        head = f"PUT /{db}/slow HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Type: application/json\r\n"
        slow.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:3])

        fence()

        answer = b""
        with suppress(OSError):
            slow.sendall(body[3:])
            answer = slow.recv(100)
    assert not answer.startswith(b"HTTP/1.1 2")
    assert couch.client.get(f"/{db}/slow").status_code == 404


def test_an_open_feed_is_cut_by_the_fence(couch: Couch, db: str, fence: Callable[[], None]) -> None:
    params = {"feed": "continuous", "since": "now", "heartbeat": "1000"}
    with couch.as_user(*USER_ADMIN) as owner, owner.stream("GET", f"/{db}/_changes", params=params) as answer:
        lines = answer.iter_lines()
        assert next(lines) == ""

        fence()

        couch.client.put(f"/{db}/secret", json={})
        seen: list[str] = []
        with suppress(httpx.TransportError):
            seen.extend(line for line in lines if "secret" in line)
    assert seen == []


def test_replication_out_of_a_fence_goes_on(
    pair: tuple[Couch, Couch], db: str, new_replication: Callable[[], str], fence: Callable[[], None]
) -> None:
    couch, other = pair
    other.client.put(f"/{db}")
    doc = {"source": couch.endpoint(db), "target": other.endpoint(db), "continuous": True}
    assert couch.client.put(f"/_replicator/{new_replication()}", json=doc).status_code == 201

    fence()

    assert couch.client.put(f"/{db}/inside", json={}).status_code == 201
    wait_for(lambda: other.client.get(f"/{db}/inside").status_code == 200, "the document to come out of the fence")
    # And by a one-shot on the receiving side, as a drain runs.
    couch.client.put(f"/{db}/last", json={})
    drain = {"source": couch.endpoint(db, headers={"X-Kanto": "drain"}), "target": other.endpoint(db)}
    assert other.client.post("/_replicate", json=drain).status_code == 200
    assert other.client.get(f"/{db}/last").status_code == 200
