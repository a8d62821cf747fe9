"""The two sides of a connection through the balancer, before and after they are joined."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from worker.platforms.process.balancer import BUFFER, Balancer, Front, Side

PLACE = ("127.0.0.1", 1)


class Wire(asyncio.Transport):
    """A transport that delivers what it is told to, whether it was paused or not."""

    def __init__(self, side: Side) -> None:
        super().__init__()
        self._socket = socket.socket()
        self.side = side
        self.reads = True
        self.sent = b""
        self.has_ended = False
        self.is_closed = False
        self.limits: tuple[int | None, int | None] = (None, None)
        side.transport = self

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._socket if name == "socket" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = (low, high)

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def is_read(self) -> bool:
        return self.reads

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += bytes(data)
        if len(self.sent) > BUFFER:
            self.side.pause_writing()

    def write_eof(self) -> None:
        self.has_ended = True

    def is_closing(self) -> bool:
        return self.is_closed

    def abort(self) -> None:
        self.is_closed = True

    def close(self) -> None:
        self.is_closed = True
        self._socket.close()


@pytest.fixture
def front() -> Iterator[Wire]:
    made = Wire(Front(Balancer("")))
    yield made
    made.close()


@pytest.fixture
def back() -> Iterator[Wire]:
    made = Wire(Side())
    yield made
    made.close()


def join(front: Wire, back: Wire) -> None:
    assert isinstance(front.side, Front)
    front.side.balancer.join(front.side, back.side, PLACE)


def test_what_came_early_goes_first(front: Wire, back: Wire) -> None:
    front.side.data_received(b"GET ")
    front.side.data_received(b"/ ")
    assert front.is_read() is False
    join(front, back)
    assert front.is_read() is True
    front.side.data_received(b"HTTP/1.1")
    assert back.sent == b"GET / HTTP/1.1"


def test_much_that_came_early_holds_its_source_back(front: Wire, back: Wire) -> None:
    front.side.data_received(b"x" * (BUFFER + 1))
    join(front, back)
    assert front.is_read() is False
    back.side.resume_writing()
    assert front.is_read() is True


def test_what_a_refused_client_goes_on_saying_is_read_and_forgotten(front: Wire) -> None:
    async def refuse() -> None:
        assert isinstance(front.side, Front)
        refusing = asyncio.create_task(front.side.balancer.refuse(front.side))
        await asyncio.sleep(0)
        front.side.data_received(b"more")
        assert front.reads
        assert not front.side.early
        refusing.cancel()

    front.side.data_received(b"GET ")
    asyncio.run(refuse())
    assert front.sent.startswith(b"HTTP/1.1 503 ")
    assert front.has_ended


def test_a_client_whose_backend_broke_off_before_they_were_joined_is_cut(front: Wire, back: Wire) -> None:
    back.is_closed = True
    join(front, back)
    assert front.is_closed


def test_a_backend_whose_client_went_away_before_they_were_joined_is_cut(front: Wire, back: Wire) -> None:
    front.is_closed = True
    join(front, back)
    assert back.is_closed
