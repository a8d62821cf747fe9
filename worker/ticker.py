"""Takes what is due from the store and sends a wake-up for each: timer, outbox and crash recovery in one."""

import threading
from collections.abc import Callable, Iterable

from common.cluster import ClusterKey, MirrorRecord
from common.errors import KantoError, StoreUnavailable
from common.log import get
from common.store.port import Store
from worker.core.observed import Unknown

CLAIM_AT_ONCE = 64
LONGEST_PAUSE = 1.0
SHORTEST_PAUSE = 0.02

log = get(__name__)


class Ticker:
    """One thread per worker process. `poke` makes it look at once, so that a short pause of a step is kept.

    `records` reads the platform's mirror, for a store that is empty; `send` hands a wake-up to the queue.
    """

    def __init__(
        self,
        store: Store,
        *,
        records: Callable[[], Iterable[MirrorRecord] | Unknown],
        send: Callable[[ClusterKey], bool],
        owner: str,
        lease_seconds: float,
    ) -> None:
        self._store = store
        self._records = records
        self._send = send
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._poked = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Claim no more. What was sent already is run by whichever worker gets it."""
        self._stopped.set()
        self._poked.set()
        self._thread.join(timeout=5)

    def poke(self) -> None:
        self._poked.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            pause = self.tick()
            self._poked.wait(pause)
            self._poked.clear()

    def tick(self) -> float:
        """One look; the seconds until the next."""
        try:
            claim = self._store.claim(self._owner, limit=CLAIM_AT_ONCE, lease=self._lease_seconds)
            for key in claim.keys:
                self._send(key)
            if not claim.keys and not self._store.is_rebuilt():
                self._rebuild()
                return SHORTEST_PAUSE if self._store.is_rebuilt() else LONGEST_PAUSE
        except StoreUnavailable as away:
            log.warning("store_unavailable", error=away.message)
            return LONGEST_PAUSE
        except Exception:
            log.exception("tick_broke")
            return LONGEST_PAUSE
        if claim.next_in is None:
            return LONGEST_PAUSE
        return min(max(claim.next_in, SHORTEST_PAUSE), LONGEST_PAUSE)

    def _rebuild(self) -> None:
        """An empty Redis is filled from what the platform carries, whole or not at all (hazards H22)."""
        records = self._records()
        if isinstance(records, Unknown):
            log.warning("rebuild_waits", why=records.why)
            return
        found = list(records)
        try:
            self._store.rebuild(found)
        except KantoError as error:
            log.error(  # noqa: TRY400 -- a refusal is told, its trace says nothing more
                "rebuild_refused", code=error.code, error=error.detail
            )
            return
        log.info("rebuilt", clusters=len(found))
