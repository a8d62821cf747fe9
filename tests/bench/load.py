"""Many requests over a few connections kept open, by a client that costs little: HTTP/1.1 on asyncio's protocols."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

SECONDS = 120.0


def build_post(port: int, path: str, form: dict[str, str]) -> bytes:
    body = urlencode(form).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass
class Report:
    """`statuses` counts answers by status; `ends` are the times of the answers by request, in monotonic seconds."""

    statuses: dict[int, int] = field(default_factory=dict)
    ends: dict[int, float] = field(default_factory=dict)
    seconds: float = 0.0


class _Caller(asyncio.Protocol):
    def __init__(self, requests: Iterator[tuple[int, bytes]], report: Report, done: "asyncio.Future[None]") -> None:
        self._requests = requests
        self._report = report
        self._done = done
        self._buffer = b""
        self._number = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def _next(self) -> None:
        assert self._transport is not None
        found = next(self._requests, None)
        if found is None:
            self._transport.close()
            return
        self._number, data = found
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.index(b"content-length:") + 15
        length = int(head[at:].split(b"\r\n", 1)[0])
        if len(self._buffer) < end + 4 + length:
            return
        status = int(self._buffer[9:12])
        self._buffer = self._buffer[end + 4 + length :]
        self._report.statuses[status] = self._report.statuses.get(status, 0) + 1
        self._report.ends[self._number] = time.monotonic()
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if not self._done.done():
            self._done.set_result(None)


async def call(port: int, requests: Sequence[bytes], *, connections: int) -> Report:
    """Each request once, spread over the connections; each connection sends one after the other."""
    loop = asyncio.get_running_loop()
    report, waiting = Report(), iter(enumerate(requests))
    began = time.monotonic()
    done = [loop.create_future() for _ in range(connections)]
    for future in done:
        await loop.create_connection(lambda future=future: _Caller(waiting, report, future), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.wait_for(asyncio.gather(*done), SECONDS)
    report.seconds = time.monotonic() - began
    assert len(report.ends) == len(requests), f"{len(requests) - len(report.ends)} requests were not answered"
    return report
