"""The real clock: the only place in the worker that knows the time and that sleeps."""

import time


class SystemClock:
    """See `worker.ports.Clock`."""

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
