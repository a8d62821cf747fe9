"""The real clock of the engine. No step sleeps: waiting is a value."""

import time


class SystemClock:
    """See `worker.ports.Clock`."""

    def monotonic(self) -> float:
        return time.monotonic()
