"""Ports that break: a call may be the last of its worker, come to nothing, or take so long that others pass it."""

from collections.abc import Callable
from random import Random
from typing import Any

from common.errors import StoreUnavailable


class Died(BaseException):
    """The worker is killed here. Nothing of its own catches this, as nothing catches SIGKILL."""


class Fate:
    """What befalls the calls of one step. `odds` are chances per call; all zero: nothing does."""

    def __init__(self, random: Random, *, pause: Callable[[], None]) -> None:
        self._random = random
        self._pause = pause
        self.deaths = 0.0
        self.refusals = 0.0
        self.pauses = 0.0
        self.counts: dict[str, int] = {}

    def quiet(self) -> None:
        self.deaths = self.refusals = self.pauses = 0.0

    def strike(self, *, is_store: bool) -> None:
        """Before a call, and again after it: a call that was carried out may never be answered."""
        if self._random.random() < self.deaths:
            self._count("worker died")
            raise Died
        if is_store and self._random.random() < self.refusals:
            self._count("store refused")
            raise StoreUnavailable("the connection broke")
        if self._random.random() < self.pauses:
            self._count("worker paused")
            self._pause()

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


class Broken:
    """A port as it is, but for what fate has in store for each call."""

    def __init__(self, port: Any, fate: Fate, *, is_store: bool = False) -> None:
        self._port = port
        self._fate = fate
        self._is_store = is_store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self._fate.strike(is_store=self._is_store)
            answer = method(*args, **kwargs)
            self._fate.strike(is_store=self._is_store)
            return answer

        return call
