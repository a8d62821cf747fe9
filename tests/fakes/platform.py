"""The platform in memory, but kept in a folder, so that workers in many processes share it; its instances are fakes."""

import fcntl
import http.client
import json
import threading
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from common.codec import decode, encode
from tests.fakes.couch import CONTROL, address
from tests.twins.platform import MemoryCluster, MemoryPlatform
from worker.ports import Credentials

CONTROL_SECONDS = 30.0


def order(port: int, path: str, **fields: Any) -> Any:
    """Tell the process of the fakes something; its answer."""
    connection = http.client.HTTPConnection(CONTROL, port, timeout=CONTROL_SECONDS)
    try:
        connection.request("POST", path, body=json.dumps(fields))
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        return json.loads(answer.read())
    finally:
        connection.close()


class FakeServers:
    """What runs in the instances: fakes of the process that listens on `port`."""

    def __init__(self, port: int) -> None:
        self._port = port

    def started(self, address: str, uuid: str, credentials: Credentials) -> None:
        name, password = credentials.name, credentials.password
        order(self._port, "/start", host=urlsplit(address).hostname, uuid=uuid, name=name, password=password)

    def ended(self, address: str, *, has_data: bool) -> None:
        if not has_data:
            order(self._port, "/end", host=urlsplit(address).hostname)


class FileLock:
    """For one thread of one process at a time; may be entered again by the thread that has it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._threads = threading.RLock()
        self._depth = 0

    def __enter__(self) -> None:
        self._threads.acquire()
        if self._depth == 0:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        self._depth += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            fcntl.flock(self._file, fcntl.LOCK_UN)
        self._threads.release()


class ClusterFiles(MutableMapping[str, MemoryCluster]):
    """One file a cluster."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> MemoryCluster:
        try:
            return decode(MemoryCluster, self._path(name).read_text())
        except FileNotFoundError:
            raise KeyError(name) from None

    def __setitem__(self, name: str, cluster: MemoryCluster) -> None:
        new = self._path(name).with_suffix(".new")
        new.write_text(encode(cluster))
        new.replace(self._path(name))

    def __delitem__(self, name: str) -> None:
        self._path(name).unlink()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.stem for path in self._folder.glob("*.json")))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


class FolderPlatform(MemoryPlatform):
    """See the module. Every worker makes one of its own on the same folder."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(FakeServers(port))
        folder.mkdir(parents=True, exist_ok=True)
        self._port = port
        self._last = folder / "last"
        self._lock = FileLock(folder / "lock")
        self.clusters = ClusterFiles(folder)

    def _number(self) -> int:
        number = int(self._last.read_text()) + 1 if self._last.exists() else 1
        self._last.write_text(str(number))
        return number

    def _address(self) -> str:
        counter = self._last.with_name("addresses")
        number = counter.stat().st_size if counter.exists() else 0
        with counter.open("ab") as file:
            file.write(b".")
        return address(self._port, number)
