"""The balancer as a process: who gets connections, how they end, and what passes through them unharmed."""

import hashlib
import json
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.homes import PATIENCE, until
from tests.ports import free_port
from worker.platforms.process import endpoint, files, processes
from worker.platforms.process.endpoint import Endpoint
from worker.platforms.process.launcher import LocalLauncher
from worker.platforms.process.layout import ClusterPlace

Serve = Callable[[socket.socket], None]

DEBIANS = Path("/usr/bin/python3.11")
"""Debian 12's, the oldest that kanto has to do with: its asyncio reads on when it is told to pause too early."""


@contextmanager
def backend(serve: Serve) -> Iterator[int]:
    """A server that does the same with each connection; its port."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=attend, args=(connection,), daemon=True).start()

        def attend(connection: socket.socket) -> None:
            with connection:
                connection.settimeout(PATIENCE)
                try:
                    serve(connection)
                except OSError:
                    return  # the test that cuts it looks from the other side

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(PATIENCE)


def says(word: str) -> Serve:
    """Answers each line with its own name, for as long as the client goes on."""

    def serve(connection: socket.socket) -> None:
        with connection.makefile("rwb") as stream:
            for _ in stream:
                stream.write(word.encode() + b"\n")
                stream.flush()

    return serve


class Balancer:
    """A balancer process of the test's own."""

    def __init__(self, folder: Path) -> None:
        self._place = ClusterPlace(folder)
        self._launcher = LocalLauncher()
        self.port = free_port()

    def tell(self, backends: dict[str, int], *, grace: float = 60.0) -> None:
        endpoint.save(self._place.endpoint, Endpoint("127.0.0.1", self.port, grace, "127.0.0.1", backends))
        self._launcher.nudge(self._place.balancer)

    def start(self, python: str = sys.executable) -> None:
        files.make_folder(self._place.balancer)
        launch = endpoint.build_launch(self._place)
        launch = replace(launch, command=(python, *launch.command[1:]))
        assert self._launcher.start([launch]) == ("",)
        until(self._listens, "the balancer listens")

    def _listens(self) -> bool:
        return "listens" in self.log()

    def log(self) -> str:
        return (self._place.balancer / "log").read_text()

    def pid(self) -> int:
        found = processes.read_process(self._place.balancer)
        assert found is not None
        return found.pid

    def stop(self) -> None:
        assert self._launcher.stop([self._place.balancer], patience=30, kill_after=20) == ()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def ask(self) -> str:
        with self.connect() as connection:
            return line(connection)


def line(connection: socket.socket) -> str:
    connection.sendall(b"who\n")
    received = b""
    while not received.endswith(b"\n"):
        piece = connection.recv(100)
        if not piece:
            raise ConnectionResetError(received)
        received += piece
    return received.decode().strip()


def is_cut(connection: socket.socket) -> bool:
    """Waits until the other end has closed or reset the connection."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[Balancer]:
    made = Balancer(tmp_path)
    made.tell({})
    made.start()
    yield made
    made.stop()


@pytest.fixture
def three() -> Iterator[dict[str, int]]:
    with backend(says("a")) as a, backend(says("b")) as b, backend(says("c")) as c:
        yield {"a": a, "b": b, "c": c}


def test_connections_go_round(balancer: Balancer, three: dict[str, int]) -> None:
    balancer.tell(three)
    assert sorted(balancer.ask() for _ in range(6)) == ["a", "a", "b", "b", "c", "c"]


def test_who_does_not_answer_is_passed_over(balancer: Balancer, three: dict[str, int]) -> None:
    balancer.tell({**three, "b": free_port()})
    assert sorted(balancer.ask() for _ in range(8)).count("b") == 0


def test_a_withdrawn_backend_gets_no_new_connection_and_ends_the_old(balancer: Balancer, three: dict[str, int]) -> None:
    balancer.tell({"a": three["a"]})
    with balancer.connect() as old:
        assert line(old) == "a"
        balancer.tell({"b": three["b"]})
        assert {balancer.ask() for _ in range(4)} == {"b"}
        assert line(old) == "a"


def test_connections_to_the_withdrawn_are_cut_after_the_grace_time(balancer: Balancer, three: dict[str, int]) -> None:
    balancer.tell(three, grace=0.2)
    connections = [balancer.connect() for _ in range(3)]
    words = [line(connection) for connection in connections]
    balancer.tell({"b": three["b"]}, grace=0.2)
    for connection, word in zip(connections, words, strict=True):
        with connection:
            if word == "b":
                assert line(connection) == "b"
            else:
                assert is_cut(connection)
    assert balancer.ask() == "b"


def test_who_serves_again_within_the_grace_time_keeps_its_connections(
    balancer: Balancer, three: dict[str, int]
) -> None:
    balancer.tell({"a": three["a"], "b": three["b"]}, grace=0.5)
    first, second = balancer.connect(), balancer.connect()
    with first, second:
        kept, cut = sorted((first, second), key=line)
        balancer.tell({}, grace=0.5)
        assert b"503" in ask_http(balancer)  # it has read that nobody serves
        balancer.tell({"a": three["a"]}, grace=0.5)
        assert is_cut(cut)  # so the grace time is over
        assert line(kept) == "a"


def ask_http(balancer: Balancer, body: bytes = b"") -> bytes:
    with balancer.connect() as connection:
        head = f"POST /db HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        connection.sendall(head + body)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_when_nobody_serves_the_answer_is_503(balancer: Balancer) -> None:
    for body in (b"", b"x" * 30_000_000):
        head, _, answer = ask_http(balancer, body).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert json.loads(answer)["error"] == "no_instance"


def test_when_nobody_answers_the_answer_is_503(balancer: Balancer) -> None:
    balancer.tell({"a": free_port(), "b": free_port()})
    assert ask_http(balancer).startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize("python", [sys.executable, *([str(DEBIANS)] if DEBIANS.exists() else [])])
def test_what_a_client_says_before_it_is_taken_reaches_the_backend(tmp_path: Path, python: str) -> None:
    """Of each kind: a line and then waiting, a line and half a close, more than one reading takes."""
    sent = [b"a line\n", b"another\n", os.urandom(1_000_000)]

    def serve(connection: socket.socket) -> None:
        received = b""
        while received not in sent:
            received += connection.recv(65536)
        connection.sendall(hashlib.sha256(received).hexdigest().encode())

    balancer = Balancer(tmp_path)
    with ExitStack() as stack:
        balancer.tell({"a": stack.enter_context(backend(serve))})
        balancer.start(python)
        stack.callback(balancer.stop)
        os.kill(balancer.pid(), signal.SIGSTOP)
        stack.callback(os.kill, balancer.pid(), signal.SIGCONT)
        connections = [stack.enter_context(balancer.connect()) for _ in sent]
        talking = [threading.Thread(target=c.sendall, args=(data,)) for c, data in zip(connections, sent, strict=True)]
        for thread in talking:
            thread.start()
        for thread in talking[:2]:
            thread.join(PATIENCE)
        connections[1].shutdown(socket.SHUT_WR)
        os.kill(balancer.pid(), signal.SIGCONT)
        for connection, data in zip(connections, sent, strict=True):
            answer = b"".join(iter(lambda c=connection: c.recv(65536), b""))  # type: ignore[misc]
            assert answer.decode() == hashlib.sha256(data).hexdigest()
        talking[2].join(PATIENCE)


def test_half_a_close_is_passed_on_and_the_answer_comes(balancer: Balancer) -> None:
    def serve(connection: socket.socket) -> None:
        received = b"".join(iter(lambda: connection.recv(65536), b""))  # until the client has said all
        connection.sendall(hashlib.sha256(received).hexdigest().encode())

    sent = os.urandom(5_000_000)
    with backend(serve) as port:
        balancer.tell({"a": port})
        with balancer.connect() as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.decode() == hashlib.sha256(sent).hexdigest()


def test_the_end_of_an_answer_is_passed_on(balancer: Balancer) -> None:
    large = os.urandom(20_000_000)
    with backend(lambda connection: connection.sendall(large)) as port:
        balancer.tell({"a": port})
        with balancer.connect() as connection:
            received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received == large


def test_a_slow_reader_holds_its_source_back(balancer: Balancer) -> None:
    """What the balancer and the kernel keep is bounded, whatever the backend has to say."""
    sent, total, piece = [0], 300_000_000, bytes(100_000)
    stands_still = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.setblocking(False)
        while sent[0] < total:
            if not select.select([], [connection], [], 1.0)[1]:
                stands_still.set()
                return
            sent[0] += connection.send(piece)

    with backend(serve) as port:
        balancer.tell({"a": port})
        with balancer.connect():
            assert stands_still.wait(PATIENCE)
            status = Path(f"/proc/{balancer.pid()}/status").read_text()
    assert sent[0] < total / 4
    assert int(status.partition("VmRSS:")[2].split()[0]) < 64 * 1024


def test_a_client_that_goes_away_takes_its_backend_connection_along(balancer: Balancer) -> None:
    gone = threading.Event()

    def serve(connection: socket.socket) -> None:
        line_of_client = connection.recv(100)
        connection.sendall(line_of_client)
        if is_cut(connection):
            gone.set()

    with backend(serve) as port:
        balancer.tell({"a": port})
        with balancer.connect() as connection:
            assert line(connection) == "who"
        assert gone.wait(PATIENCE)


def test_a_backend_that_breaks_off_cuts_its_client(balancer: Balancer) -> None:
    with backend(lambda connection: connection.close()) as port:
        balancer.tell({"a": port})
        with balancer.connect() as connection:
            assert is_cut(connection)


def test_a_broken_file_leaves_all_as_it_was(balancer: Balancer, three: dict[str, int], tmp_path: Path) -> None:
    balancer.tell({"a": three["a"]})
    assert balancer.ask() == "a"
    (tmp_path / "endpoint.json").write_text("{")
    assert {balancer.ask() for _ in range(3)} == {"a"}
    assert balancer.log().count("cannot be read") == 1


def test_many_connections_at_once(balancer: Balancer, three: dict[str, int]) -> None:
    balancer.tell(three)
    connections = [balancer.connect() for _ in range(300)]
    words = [line(connection) for connection in connections]
    for connection in connections:
        connection.close()
    assert {word: words.count(word) for word in three} == {"a": 100, "b": 100, "c": 100}
