"""The floor of create: a straight script that starts the same nodes and wires them, with nothing in between.

It looks as often as it can (every 10 ms) at what it waits for, and keeps nothing, checks nothing and repairs nothing.
"""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import httpx

from common.passwords import admin_line
from tests.ports import free_port
from worker.core.observed import Instance
from worker.couch.documents import build_replication
from worker.platforms.ini import build_ini, render
from worker.platforms.process.layout import InstancePlace
from worker.platforms.process.program import Program
from worker.ports import Credentials

DATABASES = ("_users", "test")
CREDENTIALS = Credentials("kanto-0", "a-password-of-256-bits-in-real-life")
LOOK_EVERY = 0.01
PATIENCE = 60.0


class Wired(Protocol):
    """A server to be tied into a ring. `client` logs in as kanto's admin."""

    instance: Instance
    client: httpx.Client

    def wait_until_up(self) -> None: ...


class Node:
    """One server, started as the process platform starts it, but by us."""

    def __init__(self, folder: Path, name: str, program: Program, admins: dict[str, str]) -> None:
        place = InstancePlace(folder)
        place.settings.mkdir(parents=True)
        place.data.mkdir()
        port = free_port()
        ini = build_ini(
            uuid=f"{port:032x}",
            secret="secret",
            admins=admins,
            port=port,
            bind="127.0.0.1",
            data=place.data / "couchdb",
        )
        (place.settings / "kanto.ini").write_text(render(ini, last="server.ini"))
        (place.settings / "server.ini").touch()
        launch = program.build_launch(place)
        with (folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                launch.command, cwd=folder, env=dict(launch.environment), stdout=log, stderr=log
            )
        address = f"http://127.0.0.1:{port}"
        self.instance = Instance(name, name, address, address, "running", serving=True)
        login = (CREDENTIALS.name, CREDENTIALS.password)
        # without TLS's certificates, whose reading takes longer than all that is asked here
        self.client = httpx.Client(base_url=address, auth=login, trust_env=False, verify=False, timeout=10)

    def wait_until_up(self) -> None:
        def look() -> bool:
            assert self.process.poll() is None, f"{self.instance.name} has ended"
            return is_up(self.client)

        look_until(look)

    def end(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.client.close()


def is_up(client: httpx.Client) -> bool:
    try:
        return client.get("/_up").status_code == 200 and "_replicator" in client.get("/_all_dbs").json()
    except httpx.TransportError:
        return False


def look_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "the nodes do not come up"
        time.sleep(LOOK_EVERY)


def start(folder: Path, count: int, program: Program, *, iterations: int) -> list[Node]:
    """The nodes, of which each has its own part of the work done as soon as it answers."""
    lines = {
        CREDENTIALS.name: admin_line(CREDENTIALS.password, salt="00" * 16, iterations=10),
        "johny2": admin_line("Ty5wvW7LuQ3T", salt="00" * 16, iterations=iterations),
    }
    return [Node(folder / str(n), f"node-{n}", program, lines) for n in range(count)]


def wire(nodes: Sequence[Wired], executor: ThreadPoolExecutor, *, credentials: Credentials = CREDENTIALS) -> None:
    """A ring of all databases; returns once every replication runs."""
    list(executor.map(_prepare, nodes))
    targets = [*nodes[1:], nodes[0]]
    list(executor.map(lambda node, target: _link(node, target, credentials), nodes, targets))


def _prepare(node: Wired) -> None:
    node.wait_until_up()
    for database in DATABASES:
        _done(node.client.put(f"/{database}"), 201, 412)


def _link(node: Wired, target: Wired, credentials: Credentials) -> None:
    documents = [build_replication(name, node.instance, target.instance, credentials) for name in DATABASES]
    _done(node.client.post("/_replicator/_bulk_docs", json={"docs": documents}), 201)

    def is_running() -> bool:
        rows: list[Any] = _done(node.client.get("/_scheduler/docs/_replicator"), 200)["docs"]
        return len([row for row in rows if row["state"] == "running"]) == len(DATABASES)

    look_until(is_running)


def _done(answer: httpx.Response, *accept: int) -> Any:
    assert answer.status_code in accept, answer.text
    return answer.json()


def run(folder: Path, count: int, program: Program, *, iterations: int) -> float:
    """The seconds it took."""
    with ThreadPoolExecutor(count) as executor:
        began = time.monotonic()
        nodes = start(folder, count, program, iterations=iterations)
        try:
            wire(nodes, executor)
            return time.monotonic() - began
        finally:
            for node in nodes:
                node.end()
            shutil.rmtree(folder, ignore_errors=True)
