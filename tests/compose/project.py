"""docker-compose.yml under a name and on ports of a test's own, with an engine of the tests' own."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

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
LOOK_SECONDS = 60
NAMES = ("redis", "instances")
LINES = 100
"""Of each container's log, in the story of a failure."""


class Project:
    """What `podman-compose` makes of the file. `password` is Redis', and `tokens` are those of `user`."""

    def __init__(self, podman: Podman) -> None:
        self._podman = podman
        self.name = f"kanto-test-{secrets.token_hex(4)}"
        self.password = secrets.token_hex(12)
        self.clients = ExitStack()
        self._said: list[str] = []
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
        began = time.monotonic()
        done = subprocess.run(
            [str(program), "-p", self.name, "-f", str(ROOT / "docker-compose.yml"), *words],
            env={**kept, **self._settings}, capture_output=True, text=True, check=False, timeout=SECONDS,
        )  # fmt: skip
        took = f"{datetime.now(UTC):%X}, after {time.monotonic() - began:.1f} s at a load of {os.getloadavg()[0]:.0f}"
        self._said.append(f"podman-compose {' '.join(words)} ({took}):\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        assert done.returncode == 0, self._said[-1]
        return done.stdout + done.stderr

    def up(self, *words: str) -> None:
        """Bring it up, and wait until the api says that a worker and Redis are there."""
        self.compose("up", "-d", "--no-build", *words)
        wait_until("the api to be ready", lambda: is_well(f"{self.url}/readyz"))

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

    def story(self) -> str:
        """What a failure is explained with: what compose said, and all that the engine and the containers tell now."""
        environment = self._podman.environment
        of_ours = ["--filter", f"label=com.docker.compose.project={self.name}"]
        told = [
            *self._said,
            _told(["podman", "ps", "--all", *of_ours], environment),
            self._readiness(),
            _told(["sh", "-c", "head -n 99 /run/containers/networks/aardvark-dns/*"], environment),
            _told(["ps", "-eo", "pid,ppid,stat,lstart,args"], environment),
            _told(["iptables-save", "-t", "nat"], environment),
        ]
        for container in self._podman.run("ps", "--all", "--quiet", *of_ours).stdout.split():
            found = self.look(container)
            told.append(f"{found['Name']}: {found['State']}, started again {found['RestartCount']} times")
            if found["State"]["Running"]:
                told += [_told(["podman", "exec", container, "getent", "ahosts", name], environment) for name in NAMES]
            told.append(_told(["podman", "logs", "--timestamps", f"--tail={LINES}", container], environment))
        return "\n".join(told)

    def _readiness(self) -> str:
        try:
            return f"/readyz: {httpx.get(f'{self.url}/readyz', timeout=LOOK_SECONDS, trust_env=False).text}"
        except httpx.HTTPError as error:
            return f"/readyz: {error!r}"

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


def _told(words: list[str], environment: Mapping[str, str]) -> str:
    """A command and all it says, whether it goes well or not."""
    try:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=LOOK_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        return f"$ {' '.join(words)}: {error}"
    return f"$ {' '.join(words)} (status {done.returncode})\n{done.stdout}{done.stderr}"
