"""What would be said again and again is said once in a while."""

import threading
from collections.abc import Callable


class Seldom:
    """Calls give True at most once in `every` seconds of `clock`, whichever thread asks."""

    def __init__(self, every: float, *, clock: Callable[[], float]) -> None:
        self._every = every
        self._clock = clock
        self._again_at: float | None = None
        self._lock = threading.Lock()

    def __call__(self) -> bool:
        with self._lock:
            now = self._clock()
            if self._again_at is not None and now < self._again_at:
                return False
            self._again_at = now + self._every
            return True
