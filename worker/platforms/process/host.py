"""The host of instances: the process of a container of their own, which does what workers ask for over a socket."""

import contextlib
import queue
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from common.cluster import ClusterKey
from common.errors import KantoError, TemporaryError
from common.log import get
from worker.platforms.process import wire
from worker.ports import Platform

CALL_SECONDS = 10.0
"""For a caller to say what it wants, and to take its answer."""

SIGN_OF_LIFE = 15.0
"""Seconds without a change after which an empty line tells a listener that all is well, and us that it is there."""

NOTHING = ClusterKey("", "")

MOST_CHANGES = 1000
"""Kept for one listener that does not listen; what is dropped, upkeep finds."""

log = get(__name__)


class Host:
    """Serves a platform at a socket from `start` to `stop`. `tell` sends a changed cluster to all who listen.

    The socket is for the user of this process alone (0600): whoever may connect may do all that a worker does.
    """

    def __init__(self, platform: Platform, path: Path) -> None:
        self._platform = platform
        self._path = path
        self._listeners: set[queue.Queue[ClusterKey | None]] = set()
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._server = _Server(str(path), _build_handler(self))
        path.chmod(0o600)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="host", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        with self._lock:
            for listener in self._listeners:
                listener.put(None)
        self._server.server_close()
        self._path.unlink(missing_ok=True)

    def tell(self, key: ClusterKey) -> None:
        with self._lock:
            for listener in self._listeners:
                with contextlib.suppress(queue.Full):
                    listener.put_nowait(key)

    def serve(self, line: socket.socket) -> None:
        """One caller, one call."""
        line.settimeout(CALL_SECONDS)
        with line.makefile("rb") as calls:
            told = calls.readline(wire.LONGEST_LINE)
        if not told.endswith(b"\n"):
            return
        try:
            call = wire.read_call(told)
        except KantoError as error:
            line.sendall(wire.error_line(error))
            return
        if call.method == "changes":
            self._send_changes(line)
        else:
            line.sendall(self._answer(call))

    def _answer(self, call: wire.Call) -> bytes:
        act: Callable[..., object] = getattr(self._platform, call.method)
        try:
            return wire.result_line(act(*call.arguments))
        except KantoError as error:
            return wire.error_line(error)
        except Exception as error:
            log.exception("host_broke", method=call.method)
            words = f"the host of instances met an error of its own: {type(error).__name__}"
            return wire.error_line(TemporaryError("internal", words))

    def _send_changes(self, line: socket.socket) -> None:
        """Until the host stops or the caller hangs up, which is seen at the next line."""
        changes: queue.Queue[ClusterKey | None] = queue.Queue(MOST_CHANGES)
        with self._lock:
            self._listeners.add(changes)
        try:
            while (key := self._next(changes)) is not None:
                line.sendall(b"\n" if key is NOTHING else wire.result_line(key))
        finally:
            with self._lock:
                self._listeners.discard(changes)

    def _next(self, changes: "queue.Queue[ClusterKey | None]") -> ClusterKey | None:
        try:
            return changes.get(timeout=SIGN_OF_LIFE)
        except queue.Empty:
            return NOTHING


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """A caller that hung up or was too slow: it asks again."""
        log.info("caller_lost", error=repr(sys.exception()))


def _build_handler(host: Host) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            host.serve(self.request)

    return Handler
