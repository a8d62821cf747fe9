"""`kanto run` as a process of the test's own, and a client that speaks to it as a user does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx
import pytest

from tests.contract.couch_port.servers import is_installed
from tests.ports import free_port
from worker.platforms.process.stop import stop_all

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds that anything may take on a loaded machine; nothing waits for them when all is well."""

PROGRAM = "KANTO_COUCHDB"
"""The one setting that is taken from whoever runs the tests: a CouchDB other than the stand-in."""

NEEDS_COUCHDB = pytest.mark.skipif(
    not (is_installed() or os.environ.get(PROGRAM)),
    reason=f"the stand-in's packages are not installed (dev/couchdb), and {PROGRAM} names no other",
)

SETTINGS = {
    "KANTO_PASSWORD_ITERATIONS": "1000",
    "KANTO_UPKEEP_INTERVAL": "3",
    "KANTO_LOG_FORMAT": "text",
    "NO_COLOR": "1",
}


def wait_until(what: str, look: Callable[[], T | None], *, seconds: float = PATIENCE) -> T:
    """The first answer of `look` that is true; an AssertionError that says what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.05)


def is_well(url: str) -> bool:
    """Whether a GET of it is answered by 200, within 5 s."""
    try:
        return httpx.get(url, timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


class Served(Protocol):
    """A kanto that runs, as its users see it. `clients` holds the connections that are closed with it."""

    clients: ExitStack

    @property
    def url(self) -> str: ...


class Service:
    """One `kanto run` in a home of its own, or what `command` runs in its place.

    `start` may follow `stop`, and takes `settings` as they are then.
    """

    def __init__(
        self,
        home: Path,
        ports: range,
        settings: Mapping[str, str] | None = None,
        *,
        command: Sequence[str] = ("kanto", "run"),
    ) -> None:
        self.home = home
        self._command = command
        self.port = free_port()
        self.log = home.parent / f"{home.name}.log"
        self.settings = {
            **SETTINGS,
            "KANTO_HOME": str(home),
            "KANTO_PORT": str(self.port),
            "KANTO_INSTANCE_PORTS": f"{ports.start}-{ports.stop - 1}",
            **(settings or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.clients = ExitStack()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KANTO_") or name == PROGRAM}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *self._command], env={**kept, **self.settings}, stdout=log, stderr=log
            )
        wait_until("kanto to be ready", self.is_ready)

    def is_ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise AssertionError(f"kanto run has ended: {self.tail()}")
        return is_well(f"{self.url}/readyz")

    def stop(self) -> float:
        """Ctrl-C; the seconds it took. Raises AssertionError when it does not end."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=10)
            raise AssertionError(f"kanto run did not end: {self.tail()}") from None
        return time.monotonic() - began

    def kill(self) -> None:
        """As a crash of `kanto run` itself."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=30)

    def end(self) -> None:
        """As `stop`, if it runs; and the connections that clients hold.

        A command that ends leaves instances to the next one when the machine is too busy to end them within its ten
        seconds; here there is no next one.
        """
        self.clients.close()
        if self._process is not None and self._process.poll() is None:
            self.stop()
        left = stop_all(self.home, kill_after=PATIENCE)
        assert not left, f"still running: {left}"

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def processes(self, name: str) -> list[int]:
        """The pids of our own children whose command line holds `name`."""
        assert self._process is not None
        ours = (e for e in Path("/proc").iterdir() if e.name.isdecimal() and _parent(e) == self._process.pid)
        return sorted(int(entry.name) for entry in ours if name in _command(entry))

    def user(self, name: str = "johny2", token: str = "Ty5wvW7LuQ3T") -> "User":
        return User(self, name, token)


def _parent(entry: Path) -> int | None:
    try:
        return int(entry.joinpath("stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


def _command(entry: Path) -> str:
    try:
        return entry.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _job_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["result"]
    return found


class User:
    """One of kanto's users, with plain calls. Each answer is the response; `result` is the envelope's."""

    def __init__(self, service: Served, name: str, token: str) -> None:
        self._service = service
        self.name = name
        self.token = token

    @property
    def login(self) -> tuple[str, str]:
        return (self.name, self.token)

    def post(self, operation: str, **fields: str | int) -> httpx.Response:
        form = {"username": self.name, "token": self.token, **{name: str(value) for name, value in fields.items()}}
        url = f"{self._service.url}/v0/{operation}"
        return httpx.post(url, data=form, timeout=PATIENCE + 30)

    def result(self, operation: str, **fields: str | int) -> Any:
        """The result of a call that must go well."""
        answer = self.post(operation, **fields)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["status"] == "ok", body
        return body.get("result")

    def begin(self, operation: str, **fields: str | int) -> str:
        """Ask without waiting; the job's id."""
        answer = self.post(operation, **{**fields, "async": 1})
        assert answer.status_code == 202, answer.text
        job: str = answer.json()["result"]["Job"]
        return job

    def job(self, job_id: str) -> dict[str, Any]:
        return _job_of(self._ask_for(job_id))

    def _ask_for(self, job_id: str) -> httpx.Response:
        return httpx.get(f"{self._service.url}/v0/jobs/{job_id}", auth=self.login, timeout=10)

    def ended(self, job_id: str, *, seconds: float = PATIENCE) -> dict[str, Any]:
        """The job once it has ended. An api or a Redis that is away meanwhile is borne."""

        def look() -> dict[str, Any] | None:
            try:
                answer = self._ask_for(job_id)
            except httpx.HTTPError:
                return None
            if answer.status_code == 503:
                return None
            found = _job_of(answer)
            return found if found["done"] else None

        return wait_until(f"job {job_id} to end", look, seconds=seconds)

    def detail(self, tag: str) -> dict[str, Any]:
        found: dict[str, Any] = self.result("detail", cluster_tag=tag)
        return found

    def ready(self, tag: str, *, seconds: float = PATIENCE) -> dict[str, Any]:
        """The cluster's detail once its status is ready."""

        def look() -> dict[str, Any] | None:
            found = self.detail(tag)
            return found if found["Status"] == "ready" else None

        return wait_until(f"{tag} to be ready", look, seconds=seconds)

    def couch(self, url: str) -> httpx.Client:
        """A client of a CouchDB of ours: an endpoint or a single instance. It is closed with the service."""
        client = httpx.Client(base_url=url, auth=self.login, timeout=30, trust_env=False)
        return self._service.clients.enter_context(client)
