"""The wires between instances: a small TCP proxy in front of each, on another loopback address, that can be cut."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.ports import is_free

HOST = "127.0.0.1"
WIRED = "127.0.0.2"
"""The port is the instance's own, so that both know the way without being told."""

FIRST, LAST, AT_ONCE = 20_000, 30_000, 100
"""Where instances are looked for a range of ports: two runs side by side have two."""

PIECE = 64 * 1024
KANTOS_OWN = b"user-agent: python-httpx"
"""How kanto's own requests are told from those of replicators, whatever program these are."""


def free_ports() -> range:
    """A hundred ports in a row on which nobody listens, on either address."""
    for first in range(FIRST, LAST, AT_ONCE):
        found = range(first, first + AT_ONCE)
        if all(is_free(host, port) for port in found for host in (HOST, WIRED)):
            return found
    raise AssertionError("no hundred free ports in a row")


@dataclass(frozen=True, slots=True)
class Cut:
    """What does not pass to an instance any more.

    `is_silent`: connections stay open and nothing comes through, as with packets that are lost; else they are reset.
    `is_whole`: kanto's own requests do not pass either.
    """

    is_silent: bool
    is_whole: bool


class Wires:
    """Proxies for a range of ports, in a thread of their own.

    `counted` is how often kanto's own requests had the text `counts` in them, so far.
    """

    def __init__(self, ports: Iterable[int], *, counts: bytes = b"") -> None:
        self.counts = counts
        self.counted = 0
        self._ports = tuple(ports)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wires", daemon=True)
        self._cuts: dict[int, Cut] = {}
        self._open: dict[int, set[Wire]] = {port: set() for port in self._ports}

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._serve(), self._loop).result(timeout=30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(timeout=30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=30)
        self._loop.close()

    async def _serve(self) -> None:
        self._servers = [
            await asyncio.start_server(lambda r, w, port=port: self._take(port, r, w), WIRED, port)  # type: ignore[misc]
            for port in self._ports
        ]

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for wire in [wire for wires in self._open.values() for wire in wires]:
            wire.reset()
        await asyncio.sleep(0)
        left = [task for task in asyncio.all_tasks(self._loop) if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    @contextmanager
    def cut(self, port: int, how: Cut) -> Iterator[None]:
        """Cut the wires to the instance of this port for as long as the block runs."""
        self._tell(port, how)
        try:
            yield
        finally:
            self._tell(port, None)

    def _tell(self, port: int, how: Cut | None) -> None:
        async def change() -> None:
            if how is None:
                before = self._cuts.pop(port, None)
                ended = [wire for wire in self._open[port] if before is not None and wire.is_under(before)]
            else:
                self._cuts[port] = how
                ended = [wire for wire in self._open[port] if wire.is_under(how) and not how.is_silent]
            for wire in ended:
                wire.reset()

        asyncio.run_coroutine_threadsafe(change(), self._loop).result(timeout=30)

    @property
    def has_cuts(self) -> bool:
        return bool(self._cuts)

    def cut_now(self, port: int, *, is_kantos: bool) -> Cut | None:
        how = self._cuts.get(port)
        return how if how is not None and (how.is_whole or not is_kantos) else None

    async def _take(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(self, port, writer)
        self._open[port].add(wire)
        try:
            await wire.run(reader)
        finally:
            wire.reset()
            self._open[port].discard(wire)


class Wire:
    """One connection through a proxy. Its first request tells whose it is."""

    def __init__(self, wires: Wires, port: int, front: asyncio.StreamWriter) -> None:
        self._wires = wires
        self._port = port
        self._ends = [front]
        self._is_kantos = False
        self._heard = b""
        self._mended = asyncio.Event()
        front.transport.set_write_buffer_limits(0)  # what drains is on its way

    def is_under(self, how: Cut) -> bool:
        return how.is_whole or not self._is_kantos

    def reset(self) -> None:
        self._mended.set()
        for end in self._ends:
            end.transport.abort()

    async def run(self, reader: asyncio.StreamReader) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            return
        self._is_kantos = KANTOS_OWN in head.lower()
        if not await self._passes():
            return
        try:
            there, back = await asyncio.open_connection(HOST, self._port)
        except OSError:
            return
        self._ends.append(back)
        front = self._ends[0]
        self._count(head)
        back.write(head)
        ways = [
            asyncio.ensure_future(self._pass_on(reader, back, hear=self._count)),
            asyncio.ensure_future(self._pass_on(there, front)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        with suppress(OSError):
            await front.drain()

    def _count(self, piece: bytes) -> None:
        """What is looked for may begin in one piece and end in the next."""
        wanted = self._wires.counts
        if not (wanted and self._is_kantos):
            return
        heard = self._heard + piece
        self._wires.counted += heard.count(wanted)
        self._heard = heard[len(heard) - len(wanted) + 1 :] if len(wanted) > 1 else b""

    async def _pass_on(
        self,
        source: asyncio.StreamReader,
        to: asyncio.StreamWriter,
        *,
        hear: Callable[[bytes], None] = lambda _piece: None,
    ) -> None:
        with suppress(OSError):
            while piece := await source.read(PIECE):
                if not await self._passes():
                    return
                hear(piece)
                to.write(piece)
                await to.drain()

    async def _passes(self) -> bool:
        """Whether anything passes; under a silent cut there is no answer before it is mended, and then it is no."""
        how = self._wires.cut_now(self._port, is_kantos=self._is_kantos)
        if how is not None and how.is_silent:
            await self._mended.wait()
        return how is None
