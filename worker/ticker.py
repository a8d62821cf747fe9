"""Takes what is due from the store and sends a wake-up for each: timer, outbox and crash recovery in one."""

import threading
import time
from collections.abc import Callable, Iterable

from common.cluster import ClusterKey, MirrorRecord
from common.errors import KantoError, StoreUnavailable
from common.log import get
from common.store.port import Store
from worker.core.observed import Unknown

CLAIM_AT_ONCE = 64
LONGEST_PAUSE = 1.0
SHORTEST_PAUSE = 0.02

LOOK_BACK_EVERY = 2.0
"""Seconds between two tries to take in the mirror."""

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
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._records = records
        self._send = send
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._monotonic = monotonic
        self._is_suspect = True
        self._look_back_after = 0.0
        self._poked = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Claim no more, also when it has not started yet. What was sent already is run by whichever worker gets it."""
        self._stopped.set()
        self._poked.set()
        if self._thread.is_alive():
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
            if self._is_suspect and self._monotonic() >= self._look_back_after:
                self._store.now()  # whether it answers at all, before the platform is asked for everything
                self._look_back()
            claim = self._store.claim(self._owner, limit=CLAIM_AT_ONCE, lease=self._lease_seconds)
            for key in claim.keys:
                self._send(key)
            if not claim.keys and not self._is_suspect and not self._store.is_rebuilt():
                self._is_suspect = True
        except StoreUnavailable as away:
            log.warning("store_unavailable", error=away.message)
            self._is_suspect, self._look_back_after = True, 0.0
            return LONGEST_PAUSE
        except Exception:
            log.exception("tick_broke")
            return LONGEST_PAUSE
        if claim.next_in is None:
            return LONGEST_PAUSE
        return min(max(claim.next_in, SHORTEST_PAUSE), LONGEST_PAUSE)

    def _look_back(self) -> None:
        """Take in what the platform carries, whole or not at all (hazards H22).

        An empty Redis is filled so. One that was away may have come back without its last second, or from an older
        copy: what the mirror has of a higher version is taken in then too (hazards H21), before anything is claimed, so
        that no step goes back to an older spec.
        """
        self._look_back_after = self._monotonic() + LOOK_BACK_EVERY
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
        self._is_suspect = False
        log.info("mirror_taken_in", clusters=len(found))
