"""docker-compose.yml under a name and on ports of a test's own, with an engine of the tests' own."""

import json
import os
import secrets
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from dev.image.build import ROOT, name_of
from dev.image.own import Podman
from tests.e2e.service import User, is_well, wait_until
from tests.image.engine import TAG
from tests.ports import free_port, free_ports

PORTS = 10
REMOVE = {
    "containers": ("rm", "--depend", "--time=1"),
    "pods": ("pod", "rm"),
    "volumes": ("volume", "rm"),
    "networks": ("network", "rm"),
}
"""What podman is told to remove each kind of thing that a project can leave; in this order."""
SECONDS = 300


class Project:
    """What `podman-compose` makes of the file. `password` is Redis', and `tokens` are those of `user`."""

    def __init__(self, podman: Podman) -> None:
        self._podman = podman
        self.name = f"kanto-test-{secrets.token_hex(4)}"
        self.password = secrets.token_hex(12)
        self.clients = ExitStack()
        self.port = free_port()
        first = free_ports(PORTS)
        self.ports = range(first, first + PORTS)
        self._settings = {
            "KANTO_TAG": TAG,
            "KANTO_PORT": str(self.port),
            "KANTO_INSTANCE_PORTS": f"{self.ports.start}-{self.ports.stop - 1}",
            "KANTO_REDIS_IMAGE": name_of("redis-standin", TAG),
            "KANTO_REDIS_PASSWORD": self.password,
            "KANTO_PASSWORD_ITERATIONS": "1000",
            "KANTO_UPKEEP_INTERVAL": "3",
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def user(self, name: str, token: str) -> User:
        return User(self, name, token)

    def compose(self, *words: str) -> str:
        """`podman-compose WORDS`, and what it said; AssertionError with it when it fails."""
        kept = {name: value for name, value in self._podman.environment.items() if not name.startswith("KANTO_")}
        program = Path(sys.executable).with_name("podman-compose")
        done = subprocess.run(
            [str(program), "-p", self.name, "-f", str(ROOT / "docker-compose.yml"), *words],
            env={**kept, **self._settings}, capture_output=True, text=True, check=False, timeout=SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, f"podman-compose {' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done.stdout + done.stderr

    def up(self, *words: str) -> None:
        """Bring it up, and wait until the api says that a worker and Redis are there."""
        self.compose("up", "-d", "--no-build", *words)
        try:
            wait_until("the api to be ready", lambda: is_well(f"{self.url}/readyz"))
        except AssertionError as error:
            said = [f"{self.look(each)['Name']}: {self.logs(each)[-2000:]}" for each in self.containers()]
            raise AssertionError("\n".join([str(error), *said])) from None

    def containers(self, service: str | None = None) -> list[str]:
        """The ids of this project's containers that run, of one service or of all."""
        words = ["ps", "--quiet", "--no-trunc", "--filter", f"label=com.docker.compose.project={self.name}"]
        if service is not None:
            words += ["--filter", f"label=com.docker.compose.service={service}"]
        return self._podman.run(*words).stdout.split()

    def look(self, container: str) -> dict[str, Any]:
        """What the engine says of a container."""
        found: dict[str, Any] = json.loads(self._podman.run("inspect", container).stdout)[0]
        return found

    def pid(self, container: str) -> int:
        """Of its first process; 0 when it does not run."""
        return int(self.look(container)["State"]["Pid"])

    def crash(self, container: str) -> None:
        """Kill its first process, and all in it with that, and wait until the engine has started it again."""
        before = self.pid(container)
        assert before > 1
        os.kill(before, signal.SIGKILL)
        wait_until(f"{container} to run again", lambda: self.pid(container) not in (0, before))

    def logs(self, container: str) -> str:
        """All it wrote, lives before a restart included."""
        said = self._podman.run("logs", container)
        return said.stdout + said.stderr

    def left(self) -> dict[str, list[str]]:
        """What there still is of this project, by its kind."""
        of_ours = ["--filter", f"label=com.docker.compose.project={self.name}"]
        kinds = {
            "containers": ["ps", "--all", "--quiet", *of_ours],
            "pods": ["pod", "ls", "--quiet", "--filter", f"name={self.name}"],
            "volumes": ["volume", "ls", "--quiet", "--filter", f"name={self.name}"],
            "networks": ["network", "ls", "--quiet", "--filter", f"name={self.name}"],
        }
        found = {kind: self._podman.run(*words).stdout.split() for kind, words in kinds.items()}
        return {kind: names for kind, names in found.items() if names}

    def down(self, *words: str) -> None:
        """Take it down. To podman-compose the workers that were scaled up are orphans."""
        self.compose("down", "--remove-orphans", *words)

    def end(self) -> None:
        """Take it down with its volumes, and by force what a test that failed left; safe to repeat."""
        self.clients.close()
        self.down("--volumes")
        if left := self.left():
            for kind, words in REMOVE.items():
                if kind in left:
                    self._podman.run(*words, "--force", *left[kind], check=False)
            raise AssertionError(f"`down` left {left}; it was removed by force")
