"""The wires themselves: what passes, and what a cut lets through."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.faults.wires import WIRED, Cut, Wires
from tests.ports import free_port

OTHER = {"User-Agent": "a replicator"}


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "200000")
        self.end_headers()
        self.wfile.write(b"x" * 200_000)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def server() -> Iterator[int]:
    made = ThreadingHTTPServer(("127.0.0.1", free_port()), Answering)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    try:
        yield made.server_port
    finally:
        made.shutdown()
        made.server_close()


@pytest.fixture
def wired() -> Iterator[tuple[Wires, httpx.Client, int]]:
    with (
        server() as port,
        Wires([port]) as wires,
        httpx.Client(base_url=f"http://{WIRED}:{port}", timeout=1, trust_env=False) as client,
    ):
        yield wires, client, port


def test_a_whole_answer_comes_through(wired: tuple[Wires, httpx.Client, int]) -> None:
    _, client, _ = wired
    for headers in (OTHER, {}):
        for _ in range(3):
            assert len(client.get("/", headers=headers).content) == 200_000


@pytest.mark.parametrize("is_silent", [False, True])
def test_a_cut_link_stops_replicators_and_not_kanto(wired: tuple[Wires, httpx.Client, int], is_silent: bool) -> None:
    wires, client, port = wired
    with wires.cut(port, Cut(is_silent=is_silent, is_whole=False)):
        with pytest.raises(httpx.ReadTimeout if is_silent else httpx.TransportError):
            client.get("/", headers=OTHER)
        assert client.get("/").status_code == 200
    assert client.get("/", headers=OTHER).status_code == 200


def test_an_instance_that_is_cut_off_answers_nobody_on_open_connections_either(
    wired: tuple[Wires, httpx.Client, int],
) -> None:
    wires, client, port = wired
    assert client.get("/").status_code == 200
    with wires.cut(port, Cut(is_silent=False, is_whole=True)), pytest.raises(httpx.TransportError):
        client.get("/")
    assert client.get("/").status_code == 200
