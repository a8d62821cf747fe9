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

HOLD = 10.0
"""Seconds for which nothing is claimed while the mirror cannot be taken in."""

log = get(__name__)


class Ticker:
    """One thread per worker process. `poke` makes it look at once, so that a short pause of a step is kept.

    `records` reads the platform's mirror, for a store that is empty or may be an older copy; `send` hands a wake-up to
    the queue. `doubt` has the mirror read again: a step met one that is newer than the store.

    While the mirror cannot be taken in, it is tried again every LOOK_BACK_EVERY seconds, and for HOLD seconds nothing
    is claimed: a platform that is away for a moment is so waited for, and lets no step do anything anyway. Then claims
    go on, since one damaged mirror among many makes all of `records` Unknown until somebody mends it, and since the
    jobs of those who wait have to say that the platform is away. What is claimed then is safe as well: before the
    first effect of a step the platform refuses a spec that is older than its mirror (hazards H21).
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
        self._hold_until: float | None = None
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

    def doubt(self) -> None:
        """Take in the mirror before anything else is claimed. From any thread.

        Where that is being tried already, the hold is none the longer.
        """
        self._is_suspect = True

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
            holds = self._holds()
            # A claim of none tells that this worker lives, and ends jobs at their deadlines.
            claim = self._store.claim(self._owner, limit=0 if holds else CLAIM_AT_ONCE, lease=self._lease_seconds)
            for key in claim.keys:
                self._send(key)
            if not claim.keys and not self._is_suspect and not self._store.is_rebuilt():
                self._is_suspect = True
        except StoreUnavailable as away:
            log.warning("store_unavailable", error=away.message)
            self._is_suspect, self._look_back_after, self._hold_until = True, 0.0, None
            return LONGEST_PAUSE
        except Exception:
            log.exception("tick_broke")
            return LONGEST_PAUSE
        if holds or claim.next_in is None:
            return LONGEST_PAUSE
        return min(max(claim.next_in, SHORTEST_PAUSE), LONGEST_PAUSE)

    def _holds(self) -> bool:
        return self._is_suspect and (self._hold_until is None or self._monotonic() < self._hold_until)

    def _look_back(self) -> None:
        """Take in what the platform carries, as a whole (hazards H22).

        An empty Redis is filled so. One that was away may have come back without its last second, or from an older
        copy: what the mirror has of a higher version is taken in then too (hazards H21), before anything is claimed, so
        that no step goes back to an older spec. A conflict is told and left to people: its cluster's own steps end
        with it, at the mirror.
        """
        began = self._monotonic()
        self._look_back_after = began + LOOK_BACK_EVERY
        if self._hold_until is None:
            self._hold_until = began + HOLD
        records = self._records()
        if isinstance(records, Unknown):
            log.warning("rebuild_waits", why=records.why)
            return
        found = list(records)
        try:
            conflicts = self._store.rebuild(found)
        except StoreUnavailable:
            raise
        except KantoError as error:
            log.warning("rebuild_waits", code=error.code, why=error.detail)
            return
        for key in conflicts:
            log.error("mirror_conflict", cluster=str(key), action="Correct one of the two by hand: Redis or the mirror")
        self._is_suspect, self._hold_until = False, None
        log.info("mirror_taken_in", clusters=len(found) - len(conflicts))
