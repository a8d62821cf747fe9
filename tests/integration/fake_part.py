"""Stands for the api, a worker or `worker stop` where the supervisor alone is tested; its argument says how it acts."""

import http.server
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

import redis


def serve() -> None:
    """An api: alive and ready, until SIGTERM."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in {"/healthz", "/readyz"} else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = http.server.ThreadingHTTPServer((os.environ["KANTO_BIND"], int(os.environ["KANTO_PORT"])), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    wait_for_the_end()


def work() -> None:
    """A worker: leaves its pid in Redis, so that it is known to have reached it."""
    with redis.Redis.from_url(os.environ["KANTO_REDIS_URL"]) as client:
        client.rpush("pids", os.getpid())
    wait_for_the_end()


def wait_for_the_end() -> None:
    """Say so, wait for SIGTERM, and say that."""
    print(f"pid {os.getpid()} is up", flush=True)
    signal.sigwait({signal.SIGTERM})
    print("told to end", flush=True)


def deaf() -> None:
    """A part that does not end when told."""
    signal.signal(signal.SIGTERM, _ignore)
    print(f"pid {os.getpid()} is up", flush=True)
    while True:
        time.sleep(60)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    print("told to end, but does not", flush=True)


def die() -> None:
    """A part that ends as soon as it is started."""
    sys.exit("broken")


def stop() -> None:
    """Leaves a file in the home; Redis is still there at that time."""
    with redis.Redis.from_url(os.environ["KANTO_REDIS_URL"]) as client:
        client.ping()
    (Path(os.environ["KANTO_HOME"]) / "stopped").touch()
    print("instances ended", flush=True)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM} if sys.argv[1] in {"serve", "work"} else set())
    {"serve": serve, "work": work, "deaf": deaf, "die": die, "stop": stop}[sys.argv[1]]()
