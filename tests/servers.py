"""Redis servers for tests: real ones, on ports of their own, in folders that go away with the test."""

import signal
import subprocess
import time
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from kanto.run.redis_program import choose, find
from tests.ports import free_port

PATIENCE = 60.0
"""Seconds that a loaded machine may take to start or end a server. No test waits for them when all is well."""


class RedisServer:
    """A server with its append-only file in `folder`. It can be killed, held still and started again on its port.

    `fsync` is its appendfsync. Only with `always` does a kill lose nothing that was answered: with `everysec` a server
    puts writes off, but not their answers, while an fsync is under way (flushAppendOnlyFile in its aof.c). `password`:
    of its default user.
    """

    def __init__(self, folder: Path, *, fsync: str = "always", password: str = "") -> None:
        self._folder = folder
        self._fsync = fsync
        self._password = password
        self._program = choose(find(first=None), first=None).path
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        login = f":{self._password}@" if self._password else ""
        return f"redis://{login}127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        """Of the server that runs."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers. On a port that somebody else took meanwhile it moves to another."""
        deadline = time.monotonic() + PATIENCE
        self._launch()
        while not self._answers():
            if self._process is None or self._process.poll() is not None:
                if self._has_data():
                    raise RuntimeError(f"the Redis server on {self.port} ended: {self._log()}")
                self.port = free_port()
                self._launch()
            if time.monotonic() > deadline:
                raise TimeoutError(f"no Redis server on {self.port} after {PATIENCE} s: {self._log()}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a crash does. What was answered is in the append-only file."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def hold(self) -> None:
        """It keeps its connections and answers nothing, as a machine does that hangs."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def client(self) -> redis.Redis:
        return redis.Redis(
            host="127.0.0.1",
            port=self.port,
            password=self._password or None,
            socket_timeout=10,
            socket_connect_timeout=10,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            decode_responses=True,
        )

    def flush(self) -> None:
        client = self.client()
        try:
            client.flushall()
        finally:
            client.close()

    def _launch(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        words = [self._program, "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder)]
        words += ["--appendonly", "yes", "--appendfsync", self._fsync, "--save", "", "--maxmemory-policy", "noeviction"]
        words += ["--requirepass", self._password] if self._password else []
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _answers(self) -> bool:
        client = self.client()
        try:
            # A stranger on the port would not have our folder.
            return client.config_get("dir") == {"dir": str(self._folder.resolve())}
        except redis.RedisError:
            return False
        finally:
            client.close()

    def _has_data(self) -> bool:
        return any(self._folder.glob("appendonlydir/*.incr.aof"))

    def _log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-2000:]

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._signal(signal.SIGCONT)
        self._signal(number)
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(PATIENCE)
        self._process = None
