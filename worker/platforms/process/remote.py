"""The Platform port over a socket: instances run in a container of their own, which ends with no worker.

A process that a container's process starts ends with that container. So those of instances are started by a host of
instances (module `host`) in theirs, and workers come and go.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from common.cluster import ClusterKey, ClusterSpec, MirrorRecord
from common.errors import KantoError, TemporaryError
from common.log import get
from worker import times
from worker.core.observed import Instance, Platformed, Unknown
from worker.platforms.process import wire
from worker.platforms.process.wire import Call
from worker.ports import Credentials

LOOK_SECONDS = 3.0
"""The longest look, where the lease leaves as much."""

AGAIN_SECONDS = 1.0
"""Between two tries to hear of changes, while the host is away."""

log = get(__name__)


class RemotePlatform:
    """See `worker.ports.Platform`. `path` is the host's socket, on a volume that both containers have.

    A call takes at most `call_seconds`, so that a step that makes one ends within its lease; retiring waits for a
    process to end. A look takes at most `look_seconds`, and never more than LOOK_SECONDS.
    """

    def __init__(self, path: Path, *, call_seconds: float = times.COMMAND, look_seconds: float = LOOK_SECONDS) -> None:
        self.path = path
        self._call_seconds = call_seconds
        self._look_seconds = min(look_seconds, LOOK_SECONDS)

    def observe(self, spec: ClusterSpec) -> Platformed | Unknown:
        return self._look("observe", spec)  # type: ignore[no-any-return]

    def credentials(self, spec: ClusterSpec) -> Credentials | Unknown:
        return self._look("credentials", spec)  # type: ignore[no-any-return]

    def records(self) -> Iterable[MirrorRecord] | Unknown:
        return self._look("records")  # type: ignore[no-any-return]

    def claim(self, spec: ClusterSpec, fence: int) -> None:
        self._ask("claim", spec, fence)

    def mirror(self, record: MirrorRecord) -> None:
        self._ask("mirror", record)

    def provision(self, spec: ClusterSpec, keep: Sequence[str], fence: int) -> None:
        self._ask("provision", spec, tuple(keep), fence)

    def serve(self, spec: ClusterSpec, names: Sequence[str], fence: int) -> None:
        self._ask("serve", spec, tuple(names), fence)

    def retire(self, spec: ClusterSpec, instance: Instance, fence: int) -> None:
        self._ask("retire", spec, instance, fence)

    def remove(self, spec: ClusterSpec, fence: int) -> None:
        self._ask("remove", spec, fence)

    def _look(self, method: str, *arguments: object) -> Any:
        """A look never raises for a host that is away."""
        try:
            return self._ask(method, *arguments, seconds=self._look_seconds)
        except KantoError as error:
            return Unknown(error.message)

    def _ask(self, method: str, *arguments: object, seconds: float | None = None) -> Any:
        try:
            with connect(self.path, seconds or self._call_seconds) as line, line.makefile("rb") as answers:
                line.sendall(wire.call_line(Call(method, arguments)))
                answer = answers.readline(wire.LONGEST_LINE)
        except OSError as error:
            raise TemporaryError(
                "host_away",
                f"the host of instances at {self.path} does not answer: {error.strerror or error}",
                action="Start it (kanto instances), or unset KANTO_INSTANCES_SOCKET",
            ) from error
        if not answer.endswith(b"\n"):
            raise TemporaryError("host_away", f"the host of instances at {self.path} ended in the middle of a call")
        return wire.read_result(answer)


class Listener:
    """Hears from the host which clusters have changed, and tells `on_change`: one thread per worker process.

    While the host is away nothing is heard; upkeep looks all the same.
    """

    def __init__(self, path: Path, *, on_change: Callable[[ClusterKey], None]) -> None:
        self._path = path
        self._on_change = on_change
        self._stopped = threading.Event()
        self._line: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if (line := self._line) is not None:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except (OSError, KantoError) as error:
                log.info("host_away", error=str(error))
            except Exception:
                log.exception("listener_broke")
            self._stopped.wait(AGAIN_SECONDS)

    def _listen(self) -> None:
        with connect(self._path, LOOK_SECONDS) as line, line.makefile("rb") as changes:
            line.sendall(wire.call_line(Call("changes", ())))
            line.settimeout(None)
            self._line = line
            try:
                while not self._stopped.is_set() and (change := changes.readline(wire.LONGEST_LINE)):
                    if change.strip():
                        self._on_change(wire.read_result(change))
            finally:
                self._line = None


def connect(path: Path, seconds: float) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.settimeout(seconds)
        line.connect(str(path))
    except OSError:
        line.close()
        raise
    return line
