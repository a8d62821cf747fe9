"""A proxy that holds each request back for a while: `python -m tests.bench.proxy SECONDS PORT...`.

It prints the ports it listens on, one for each that it leads to.
"""

import asyncio
import sys
from collections.abc import Sequence


class Server(asyncio.Protocol):
    """The side that a client speaks to. What it sends is a request: it goes on after the delay."""

    def __init__(self, port: int, delay: float) -> None:
        self._port = port
        self._delay = delay
        self._there: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._task: asyncio.Task[None] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._task = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        self._there, _ = await loop.create_connection(lambda: Back(self), "127.0.0.1", self._port)
        for data in self._waiting:
            self._there.write(data)

    def data_received(self, data: bytes) -> None:
        asyncio.get_running_loop().call_later(self._delay, self._forward, data)

    def _forward(self, data: bytes) -> None:
        if self._there is None:
            self._waiting.append(data)
        else:
            self._there.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._there is not None:
            self._there.close()


class Back(asyncio.Protocol):
    """Answers go back at once."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def data_received(self, data: bytes) -> None:
        if self._server.transport is not None and not self._server.transport.is_closing():
            self._server.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._server.transport is not None:
            self._server.transport.close()


async def serve(delay: float, targets: Sequence[int]) -> None:
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(lambda target=target: Server(target, delay), "127.0.0.1", 0)  # type: ignore[misc]
        for target in targets
    ]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), [int(word) for word in sys.argv[2:]]))
