"""Threads of a test that run while a block does."""

import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

PATIENCE = 60.0
"""Seconds that a thread has to end once it was told to."""


class Running:
    """Starts threads when it is entered, tells them to stop at its end, and sees that they have ended.

    `runs`: what each thread does until the event that it is given is set. `who` names them where one hangs.
    """

    def __init__(self, runs: Sequence[Callable[[threading.Event], None]], *, who: str) -> None:
        self._stop = threading.Event()
        self._who = who
        self._threads = [threading.Thread(target=run, args=(self._stop,), daemon=True) for run in runs]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=PATIENCE)
        assert not any(thread.is_alive() for thread in self._threads), f"{self._who} hangs"
