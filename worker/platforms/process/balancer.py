"""A TCP balancer: one port in front of the instances of one cluster. Run as a file: balancer.py ENDPOINT_FILE.

The file says where to listen and who serves. It is read again on SIGHUP and, if it has changed, when a connection
comes. New connections go round robin to the serving backends that answer. Those to a withdrawn backend may end within
the grace time and are then cut. When nobody serves, the answer is a 503. Standard library only, and nothing of kanto:
it runs in a bare interpreter, one per cluster.
"""

import sys

if __name__ == "__main__":
    sys.modules["ssl"] = None  # type: ignore[assignment]  # asyncio does without it, and 4 MB are saved

import asyncio
import contextlib
import json
import os
import signal
import socket
from dataclasses import dataclass, field

CONNECT_SECONDS = 1.0
SHUN_SECONDS = 1.0
"""How long a backend that did not answer is tried last."""

LINGER_SECONDS = 2.0
BUFFER = 64 * 1024
"""Bytes that wait to be written in one direction before its source is no longer read."""

BACKLOG = 1024
KEEPALIVE_SECONDS = 60

NOBODY = json.dumps({"error": "no_instance", "reason": "no instance of this cluster serves at the moment"}).encode()
UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Length: " + str(len(NOBODY)).encode() + b"\r\n\r\n" + NOBODY
)

Address = tuple[str, int]


@dataclass
class Backends:
    """Who serves, whose turn it is, and who did not answer lately. Knows no I/O but the file."""

    path: str
    grace: float = 5.0
    addresses: tuple[Address, ...] = ()
    stamp: tuple[int, int] = (0, 0)
    turn: int = 0
    shunned: dict[Address, float] = field(default_factory=dict)
    trouble: str = ""

    def reread(self) -> bool:
        """Take in the file if it is another than last time; one that cannot be read leaves all as it was."""
        try:
            status = os.stat(self.path)  # noqa: PTH116  (pathlib would cost 1 MB)
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp == self.stamp:
                return False
            with open(self.path, encoding="utf-8") as file:  # noqa: PTH123
                values = json.load(file)
            addresses = tuple((str(b["host"]), int(b["port"])) for b in values["backends"])
            grace = float(values["grace"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.tell(f"{self.path} cannot be read: {error!r}")
            return False
        self.stamp, self.addresses, self.grace, self.trouble = stamp, addresses, grace, ""
        return True

    def tell(self, trouble: str) -> None:
        """Once, not at each connection."""
        if trouble != self.trouble:
            say(trouble)
        self.trouble = trouble

    def order(self, now: float) -> list[Address]:
        """Whom to try for the next connection, the one whose turn it is first, the shunned last."""
        if not self.addresses:
            return []
        at = self.turn % len(self.addresses)
        self.turn = at + 1
        turns = [*self.addresses[at:], *self.addresses[:at]]
        return sorted(turns, key=lambda address: self.shunned.get(address, 0.0) > now)

    def shun(self, address: Address, now: float) -> None:
        self.shunned[address] = now + SHUN_SECONDS


class Side(asyncio.Protocol):
    """One of the two sockets of a connection: what it receives goes to the other, at the other's pace."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Side | None = None
        self.early = b""
        self.is_refused = False
        self.has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self.transport = transport
        transport.set_write_buffer_limits(high=BUFFER)
        keep_alive(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self.hold(data)
            return
        target = self.other.transport
        if target is not None and not target.is_closing():
            target.write(data)

    def hold(self, data: bytes) -> None:
        """Keep what came before there was another side, and read no more until there is one.

        Pausing before anything was received would not do: Python before 3.11.4 reads on then (CPython issue 103607).
        """
        if not self.is_refused and self.transport is not None:
            self.early += data
            self.transport.pause_reading()

    def join(self, other: "Side") -> None:
        """From now on all goes to the other; what was held goes first."""
        self.other = other
        if self.transport is not None:
            self.transport.resume_reading()
        if self.early and other.transport is not None:
            other.transport.write(self.early)  # may pause reading again
        self.early = b""

    def pause_writing(self) -> None:
        self._source(reads=False)

    def resume_writing(self) -> None:
        self._source(reads=True)

    def _source(self, *, reads: bool) -> None:
        source = self.other.transport if self.other is not None else None
        if source is not None and not source.is_closing():
            source.resume_reading() if reads else source.pause_reading()

    def eof_received(self) -> bool:
        """Half a close is passed on; the other direction goes on until it ends too."""
        self.has_ended = True
        other = self.other
        if other is None or other.transport is None or other.transport.is_closing():
            return False
        if other.has_ended:
            other.transport.close()
            return False
        with contextlib.suppress(OSError):
            other.transport.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """What was received before is still passed on, unless it was cut short: then so is the other."""
        other = self.other
        if other is not None and other.transport is not None:
            if exc is None and self.has_ended:
                other.transport.close()
            else:
                other.transport.abort()

    def is_gone(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    def cut(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class Front(Side):
    """The client's side."""

    def __init__(self, balancer: "Balancer") -> None:
        super().__init__()
        self.balancer = balancer
        self.backend: Address | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.balancer.take(self)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.balancer.drop(self)


class Balancer:
    """All connections of one cluster."""

    def __init__(self, path: str) -> None:
        self.backends = Backends(path)
        self.fronts: set[Front] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.cuts: dict[Address, asyncio.TimerHandle] = {}

    async def serve(self) -> None:
        """Until SIGTERM."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_signal_handler(signal.SIGHUP, self.reread)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        with open(self.backends.path, encoding="utf-8") as file:  # noqa: ASYNC230, PTH123  (nothing runs yet)
            values = json.load(file)
        self.reread()
        server = await loop.create_server(
            lambda: Front(self), values["bind"], values["port"], backlog=BACKLOG, reuse_address=True
        )
        say(f"listens on {values['bind']}:{values['port']}")
        await ended.wait()
        server.close()
        for front in tuple(self.fronts):
            front.cut()

    def reread(self) -> None:
        """Give the connections of whoever was withdrawn their grace time, and the new ones nothing of it."""
        if not self.backends.reread():
            return
        serving = set(self.backends.addresses)
        for address in serving & self.cuts.keys():
            self.cuts.pop(address).cancel()
        loop = asyncio.get_running_loop()
        for address in {front.backend for front in self.fronts if front.backend} - serving - self.cuts.keys():
            self.cuts[address] = loop.call_later(self.backends.grace, self.cut, address)

    def cut(self, address: Address) -> None:
        self.cuts.pop(address, None)
        for front in [front for front in self.fronts if front.backend == address]:
            front.cut()

    def take(self, front: Front) -> None:
        self.fronts.add(front)
        self.reread()
        task = asyncio.get_running_loop().create_task(self.connect(front))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def drop(self, front: Front) -> None:
        self.fronts.discard(front)

    async def connect(self, front: Front) -> None:
        """Join a client to the first backend that answers, or tell it that nobody serves."""
        for address in self.backends.order(asyncio.get_running_loop().time()):
            back = await self.reach(address)
            if back is not None:
                self.join(front, back, address)
                return
        await self.refuse(front)

    async def reach(self, address: Address) -> Side | None:
        """A connection to this backend; None when it does not answer, or was withdrawn meanwhile."""
        loop = asyncio.get_running_loop()
        back = Side()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(lambda: back, *address)
        except OSError:  # TimeoutError is one
            self.backends.shun(address, loop.time())
            return None
        if address in self.backends.addresses:
            return back
        back.cut()
        return None

    def join(self, front: Front, back: Side, address: Address) -> None:
        front.backend = address
        if front.is_gone() or back.is_gone():
            front.cut()
            back.cut()
            return
        back.join(front)
        front.join(back)

    async def refuse(self, front: Front) -> None:
        """Answer, then read on for a moment: to close over unread bytes would be a reset, and the answer lost."""
        if front.transport is None or front.transport.is_closing():
            return
        front.is_refused, front.early = True, b""
        front.transport.write(UNAVAILABLE)
        front.transport.write_eof()
        front.transport.resume_reading()
        await asyncio.sleep(LINGER_SECONDS)
        front.transport.close()


def keep_alive(connection: socket.socket) -> None:
    """A peer that vanished without a word is noticed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", KEEPALIVE_SECONDS), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def say(words: str) -> None:
    """A line in the log of this balancer."""
    sys.stderr.write(words + "\n")
    sys.stderr.flush()


def main() -> int:
    try:
        asyncio.run(Balancer(sys.argv[1]).serve())
    except OSError as error:
        say(str(error.strerror or error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
