"""kanto's processes on the lab's node: a Redis, an api per spawner and workers, as the chart would start them."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from common.cluster import Spawner
from tests.e2e.inside import Records
from tests.e2e.service import User, is_well, wait_until
from tests.kubernetes.place import Place
from tests.ports import free_port
from tests.servers import RedisServer

SPAWNERS: tuple[Spawner, ...] = ("deployment", "rc", "statefulset")
IMAGE = "lab.local/couchdb:3.5"

SETTINGS = {
    "KANTO_PLATFORM": "kubernetes",
    "KANTO_IMAGE": IMAGE,
    "KANTO_PASSWORD_ITERATIONS": "1000",
    "KANTO_GRACE": "1",
    "KANTO_REQUESTS": "cpu=10m,memory=64Mi",
    "KANTO_LOG_FORMAT": "text",
    "NO_COLOR": "1",
}


class Api:
    """One api, whose new clusters have one spawner."""

    def __init__(self, port: int, clients: ExitStack) -> None:
        self.port = port
        self.clients = clients

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def user(self, name: str = "johny2", token: str = "Ty5wvW7LuQ3T") -> User:
        return User(self, name, token)


class Service:
    """All share one Redis, so any worker works on any cluster. `workers` processes are started, and again by hand.

    `settings` win over what is set here for all. An api is started when it is first asked for.
    """

    def __init__(
        self,
        folder: Path,
        place: Place,
        *,
        spawners: tuple[Spawner, ...] = ("statefulset",),
        workers: int = 2,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.place = place
        self.namespace = place.namespace
        self.log = folder / "kanto.log"
        self.redis = RedisServer(folder / "redis", fsync="everysec")
        self.clients = ExitStack()
        self._apis = {spawner: Api(free_port(), self.clients) for spawner in spawners}
        self._wanted = workers
        known = {
            "KUBECONFIG": str(place.kubeconfig),
            "KANTO_NAMESPACE": place.namespace,
            "KANTO_REDIS_URL": self.redis.url,
        }
        self._settings = {**SETTINGS, **known, **(settings or {})}
        self._processes: dict[Spawner, subprocess.Popen[bytes]] = {}
        self._starting = threading.Lock()
        self._workers: list[subprocess.Popen[bytes]] = []

    def api(self, spawner: Spawner | None = None) -> Api:
        chosen: Spawner = next(iter(self._apis)) if spawner is None else spawner
        api = self._apis[chosen]
        with self._starting:
            if chosen not in self._processes:
                self._processes[chosen] = self._launch("api", SPAWNER_TYPE=chosen, KANTO_PORT=str(api.port))
                wait_until("kanto to be ready", lambda: self.is_ready(api))
        return api

    def user(self, name: str = "johny2", spawner: Spawner | None = None) -> User:
        return self.api(spawner).user(name)

    def start(self) -> None:
        self.redis.start()
        self.start_workers()
        self.records = Records(self.clients.enter_context(self.redis.client()), self.worker_pids)

    def start_workers(self, **settings: str) -> None:
        """As many as wanted, with these settings from now on."""
        self._settings.update(settings)
        living = [process for process in self._workers if process.poll() is None]
        self._workers = living + [self._launch("worker") for _ in range(self._wanted - len(living))]

    def stop_workers(self) -> None:
        for process in self._workers:
            _end(process)
        self._workers.clear()

    def worker_pids(self) -> list[int]:
        return [process.pid for process in self._workers if process.poll() is None]

    def is_ready(self, api: Api) -> bool:
        for process in (*self._processes.values(), *self._workers):
            assert process.poll() is None, f"a part of kanto has ended: {self.tail()}"
        return is_well(f"{api.url}/readyz")

    def end(self) -> None:
        self.clients.close()
        self.stop_workers()
        for process in self._processes.values():
            _end(process)
        self.redis.kill()

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _launch(self, part: str, **settings: str) -> subprocess.Popen[bytes]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KANTO_")}
        environment = {**kept, **self._settings, **settings}
        with self.log.open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", part], env=environment, stdout=log, stderr=log)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=10)
