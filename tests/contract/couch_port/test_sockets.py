"""What only real connections show: instances are read at once, no proxy is asked, dead is told from silent."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from worker.core.observed import Down, Instance, Node, Unknown
from worker.couch.adapter import HttpCouch

from .rings import CREDENTIALS

BODIES = {
    "/_node/_local/_config": {"couchdb": {"uuid": "u"}},
    "/_all_dbs": [],
}


class Crowded(ThreadingHTTPServer):
    """Takes many connections at once."""

    request_queue_size = 64
    daemon_threads = True


def patient() -> HttpCouch:
    """For a machine that is busy with other things."""
    return HttpCouch(look_seconds=60, connect_seconds=30, read_seconds=60)


def instance(name: str, address: str) -> Instance:
    return Instance(name, name, address, address, "running", serving=True)


@contextmanager
def serving(before: Callable[[str], object]) -> Iterator[str]:
    """A server that answers as an idle CouchDB, after `before` was called with the path."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            before(self.path)
            body = json.dumps(next(b for path, b in BODIES.items() if self.path.endswith(path))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = Crowded(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join(timeout=30)
        server.server_close()


def test_ten_instances_are_read_at_once_and_not_one_after_the_other() -> None:
    """Nobody is answered before all ten have asked."""
    everybody = threading.Barrier(10)

    def before(path: str) -> None:
        if path.endswith("_config"):
            everybody.wait(timeout=30)

    with serving(before) as address, patient() as couch:
        seen = couch.observe([instance(f"i{n}", f"{address}/i{n}") for n in range(10)], CREDENTIALS)
    assert all(isinstance(node, Node) for node in seen.values())
    assert len(seen) == 10


def test_two_clusters_are_read_at_once() -> None:
    everybody = threading.Barrier(2)
    seen = []

    def before(path: str) -> None:
        if path.endswith("_config"):
            everybody.wait(timeout=30)

    with serving(before) as address, patient() as couch:

        def observe(name: str) -> None:
            seen.append(couch.observe([instance(name, address)], CREDENTIALS)[name])

        threads = [threading.Thread(target=observe, args=(name,)) for name in ("a", "b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
    assert [type(node) for node in seen] == [Node, Node]


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(lambda _: None) as address, HttpCouch() as couch:
        seen = couch.observe([instance("i", address)], CREDENTIALS)
    assert isinstance(seen["i"], Node)


def test_a_server_that_is_silent_is_unknown_and_one_that_is_gone_is_down() -> None:
    with socket.socket() as silent, socket.socket() as gone, HttpCouch(look_seconds=0.5) as couch:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        gone.bind(("127.0.0.1", 0))
        instances = [instance(n, f"http://127.0.0.1:{s.getsockname()[1]}") for n, s in (("s", silent), ("g", gone))]
        seen = couch.observe(instances, CREDENTIALS)
    assert isinstance(seen["s"], Unknown)
    assert isinstance(seen["g"], Down)


def test_a_connection_that_is_cut_before_any_answer_is_down() -> None:
    with socket.socket() as server, HttpCouch() as couch:
        server.bind(("127.0.0.1", 0))
        server.listen()
        done = threading.Event()

        def cut() -> None:
            server.settimeout(0.1)
            while not done.is_set():
                try:
                    server.accept()[0].close()
                except TimeoutError:
                    continue

        thread = threading.Thread(target=cut)
        thread.start()
        try:
            seen = couch.observe([instance("i", f"http://127.0.0.1:{server.getsockname()[1]}")], CREDENTIALS)
        finally:
            done.set()
            thread.join(timeout=30)
    assert isinstance(seen["i"], Down)
