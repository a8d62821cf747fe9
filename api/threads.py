"""A few threads for calls that block, so that the event loop never does."""

from asyncio import wrap_future
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from common.errors import KantoError

T = TypeVar("T")


class Threads:
    """Runs calls in `count` threads, oldest first. One that waited longer than `start_within` seconds is not begun.

    So, with calls that are bounded themselves, no caller waits longer than `start_within` and two calls, however many
    there are; and a call that is answered with `late` has done nothing.
    """

    def __init__(
        self,
        name: str,
        *,
        count: int,
        start_within: float,
        late: Callable[[], KantoError],
        clock: Callable[[], float],
    ) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._start_within = start_within
        self._late = late
        self._clock = clock

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """The value of the call, or what it raised."""
        start_by = self._clock() + self._start_within
        return await wrap_future(self._pool.submit(self._begin, start_by, function, arguments))

    def _begin(self, start_by: float, function: Callable[..., T], arguments: tuple[object, ...]) -> T:
        if self._clock() > start_by:
            raise self._late()
        return function(*arguments)

    def close(self) -> None:
        """Begin nothing more; what runs ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)
