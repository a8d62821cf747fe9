"""What the contract suite needs of a place where instances run, beyond the Platform protocol: accidents.

An implementation passes the suite with a host of its own. What a host says of itself are the differences that the
protocol allows; a test that needs what a host does not do is not for it.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from common.cluster import ClusterSpec, Spawner
from common.names import cluster_name
from tests.contract.platform.fake import fake_host
from tests.homes import build_platform, kept_home
from tests.twins.platform import MemoryPlatform
from worker.core.ring import ordinal
from worker.platforms.process.host import Host as InstancesHost
from worker.platforms.process.launcher import LocalLauncher
from worker.platforms.process.layout import HomePlace
from worker.platforms.process.remote import RemotePlatform
from worker.ports import Platform

SPAWNERS: tuple[Spawner, ...] = ("deployment", "rc", "statefulset")


class Host(Protocol):
    """One place that is empty at first.

    `keeps_data`: an instance that dies comes back with its data; `keeps_place`: behind the endpoint, if it was there.
    `has_ordinals`: instances are counted in their names.
    """

    keeps_data: bool
    keeps_place: bool
    has_ordinals: bool

    def platform(self) -> Platform:
        """Another worker's: all of them share the place."""
        ...

    def kill(self, spec: ClusterSpec, name: str) -> None:
        """The instance dies as by a crash."""
        ...

    def lose(self, spec: ClusterSpec, name: str) -> None:
        """It dies, and its data are gone."""
        ...

    def lose_credentials(self, spec: ClusterSpec) -> None:
        """kanto's login is gone, the data are not."""
        ...


class MemoryHost:
    keeps_data = True
    keeps_place = True
    has_ordinals = True

    def __init__(self) -> None:
        self._platform = MemoryPlatform()

    def platform(self) -> Platform:
        return self._platform

    def kill(self, spec: ClusterSpec, name: str) -> None:
        self._platform.kill(spec, ordinal(name)[0])

    def lose(self, spec: ClusterSpec, name: str) -> None:
        self._platform.kill(spec, ordinal(name)[0], has_data=False)

    def lose_credentials(self, spec: ClusterSpec) -> None:
        self._platform.lose_credentials(spec)


@dataclass
class ProcessHost:
    home: Path
    keeps_data: bool = True
    keeps_place: bool = True
    has_ordinals: bool = True

    def platform(self) -> Platform:
        return build_platform(self.home)

    def kill(self, spec: ClusterSpec, name: str) -> None:
        folder = HomePlace.of(self.home).cluster(spec).instance(ordinal(name)[0]).folder
        assert LocalLauncher().stop([folder], patience=10) == ()

    def lose(self, spec: ClusterSpec, name: str) -> None:
        self.kill(spec, name)
        shutil.rmtree(HomePlace.of(self.home).cluster(spec).instance(ordinal(name)[0]).data)

    def lose_credentials(self, spec: ClusterSpec) -> None:
        HomePlace.of(self.home).cluster(spec).credentials.unlink()


class SocketHost(ProcessHost):
    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.serving = InstancesHost(build_platform(home), home / "socket")

    def platform(self) -> Platform:
        return RemotePlatform(self.home / "socket")


@contextmanager
def memory_host(_folder: Path) -> Iterator[Host]:
    yield MemoryHost()


@contextmanager
def process_host(folder: Path) -> Iterator[Host]:
    with kept_home(folder) as home:
        yield ProcessHost(home)


@contextmanager
def remote_host(folder: Path) -> Iterator[Host]:
    """The process platform, asked over a socket by workers elsewhere."""
    with kept_home(folder) as home:
        host = SocketHost(home)
        host.serving.start()
        try:
            yield host
        finally:
            host.serving.stop()


def find_hosts() -> dict[str, Callable[[Path], AbstractContextManager[Host]]]:
    """Inside the lab of dev/kubernetes its three alone: the others are everybody's, and need no lab."""
    if os.environ.get("KANTO_LAB"):
        from tests.contract.platform.kubernetes import kubernetes_host

        return {spawner: partial(kubernetes_host, spawner=spawner) for spawner in SPAWNERS}
    fakes = {f"fake-{spawner}": partial(fake_host, spawner=spawner) for spawner in SPAWNERS}
    return {"remote": remote_host, "memory": memory_host, "process": process_host, **fakes}


HOSTS = find_hosts()


def colliding_users(tag: str) -> tuple[str, str]:
    """Two users whose clusters of one tag have one name: eight hex digits can be made to collide (hazards H22)."""
    seen: dict[str, str] = {}
    for number in range(1_000_000):
        name = cluster_name(f"u{number}", tag)
        if name in seen:
            return seen[name], f"u{number}"
        seen[name] = f"u{number}"
    raise AssertionError("no two users in a million collide")
