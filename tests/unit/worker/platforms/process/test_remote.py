"""A platform over a socket: changes are heard, what is away is Unknown or temporary, errors keep their meaning."""

import queue
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from common.cluster import ClusterKey
from common.errors import KantoError, LeaseLost, OlderCopy, PermanentError, TemporaryError
from tests.homes import SPEC
from tests.twins.platform import MemoryPlatform
from worker.core.observed import Platformed, Unknown
from worker.platforms.process import wire
from worker.platforms.process.host import Host
from worker.platforms.process.remote import Listener, RemotePlatform

KEY = ClusterKey("johny2", "my-test-db1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "instances.sock"


@pytest.fixture
def host(path: Path) -> Iterator[Host]:
    made = Host(MemoryPlatform(), path)
    made.start()
    yield made
    made.stop()


@pytest.mark.usefixtures("host")
def test_the_socket_is_for_its_owner_alone(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_look_at_a_host_that_is_away_is_unknown_and_a_change_is_temporary(path: Path) -> None:
    platform = RemotePlatform(path)
    seen = platform.observe(SPEC)
    assert isinstance(seen, Unknown)
    assert str(path) in seen.why
    with pytest.raises(TemporaryError, match="does not answer"):
        platform.claim(SPEC, 1)


@pytest.mark.usefixtures("host")
def test_what_the_host_raises_is_raised_here(path: Path) -> None:
    platform = RemotePlatform(path)
    with pytest.raises(LeaseLost):
        platform.provision(SPEC, (), 1)


@pytest.mark.usefixtures("host")
def test_there_is_nothing_where_nothing_was_made(path: Path) -> None:
    assert RemotePlatform(path).observe(SPEC) == Platformed()


def tell_until_heard(host: Host, heard: "queue.Queue[ClusterKey]") -> None:
    """Again and again, since the host may not have taken the listener in yet."""
    for _ in range(300):
        host.tell(KEY)
        with suppress(queue.Empty):
            assert heard.get(timeout=0.1) == KEY
            return
    raise AssertionError("not heard")


def test_changes_are_heard_by_all_who_listen(host: Host, path: Path) -> None:
    heard: list[queue.Queue[ClusterKey]] = [queue.Queue(), queue.Queue()]
    listeners = [Listener(path, on_change=one.put) for one in heard]
    for listener in listeners:
        listener.start()
    try:
        for one in heard:
            tell_until_heard(host, one)
    finally:
        for listener in listeners:
            listener.stop()


def test_a_listener_hears_again_once_the_host_is_back(path: Path) -> None:
    heard: queue.Queue[ClusterKey] = queue.Queue()
    listener = Listener(path, on_change=heard.put)
    listener.start()
    host = Host(MemoryPlatform(), path)
    host.start()
    try:
        tell_until_heard(host, heard)
    finally:
        listener.stop()
        host.stop()


def test_a_listener_outlives_an_error_of_whoever_it_tells(host: Host, path: Path) -> None:
    heard: queue.Queue[ClusterKey] = queue.Queue()
    errors = [ZeroDivisionError()]

    def hear(key: ClusterKey) -> None:
        if errors:
            raise errors.pop()
        heard.put(key)

    listener = Listener(path, on_change=hear)
    listener.start()
    try:
        tell_until_heard(host, heard)
        assert not errors
    finally:
        listener.stop()


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("line", [b"\n", b"no json\n", b'{"method":"stop"}\n', b'{"method":"claim","arguments":[]}\n'])
def test_what_makes_no_sense_is_refused_and_harms_nobody(path: Path, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(10)
        caller.connect(str(path))
        caller.sendall(line)
        with caller.makefile("rb") as answers, pytest.raises(PermanentError):
            wire.read_result(answers.readline())
    assert RemotePlatform(path).observe(SPEC) == Platformed()


@pytest.mark.parametrize(
    "error",
    [
        LeaseLost("claimed since"),
        TemporaryError("platform_io", "no space", action="Make some", retry_in=7.0),
        OlderCopy("Redis has an older one"),
        PermanentError("name_taken", "taken", action="Choose another"),
    ],
)
def test_an_error_keeps_its_class_and_words(error: KantoError) -> None:
    with pytest.raises(type(error)) as raised:
        wire.read_result(wire.error_line(error))
    assert (raised.value.code, raised.value.detail) == (error.code, error.detail)
    if isinstance(error, TemporaryError):
        assert isinstance(raised.value, TemporaryError)
        assert raised.value.retry_in == error.retry_in
