"""Where a measurement takes place: a folder that goes away, and servers started in it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from common.store.redis import RedisStore
from tests.bench.process import Process
from tests.ports import free_port
from tests.servers import RedisServer


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kanto-bench-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@contextmanager
def redis_server(place: Path) -> Iterator[RedisServer]:
    server = RedisServer(place / "redis")
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def store_of(server: RedisServer) -> Iterator[RedisStore]:
    store = RedisStore(server.url)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def web(place: Path, module: str, server: RedisServer) -> Iterator[tuple[Process, int]]:
    """`python -m module`, which serves KANTO_PORT: the process and the port."""
    port = free_port()
    settings = {"KANTO_REDIS_URL": server.url, "KANTO_PORT": str(port), "KANTO_LOG_FORMAT": "json"}
    with Process([module], place / f"{module}.log", settings) as process:
        with httpx.Client(trust_env=False) as client:
            process.wait_until(lambda: _answers(client, port), f"{module} to answer")
        yield process, port


def _answers(client: httpx.Client, port: int) -> bool:
    try:
        return client.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
