"""Keeps the leases of this process alive: one thread for all of them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import KantoError, LeaseLost
from common.log import get
from common.store.port import Lease, Store

log = get(__name__)


class Heartbeat:
    """Renews every lease that is held, three times in its length, until it is let go or lost."""

    def __init__(self, store: Store, *, lease_seconds: float) -> None:
        self._store = store
        self._pause = lease_seconds / 3
        self._held: dict[int, Lease] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    @contextmanager
    def holding(self, lease: Lease) -> Iterator[None]:
        with self._lock:
            self._held[lease.fence] = lease
        try:
            yield
        finally:
            with self._lock:
                self._held.pop(lease.fence, None)

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            with self._lock:
                held = list(self._held.values())
            for lease in held:
                self._renew(lease)

    def _renew(self, lease: Lease) -> None:
        try:
            self._store.renew(lease)
        except LeaseLost:
            with self._lock:
                self._held.pop(lease.fence, None)
        except KantoError as error:
            log.warning("renew_failed", cluster=str(lease.key), code=error.code, error=error.message)
        except Exception:  # of all leases this one alone is lost for it: the thread is everybody's
            log.exception("renew_broke", cluster=str(lease.key))
