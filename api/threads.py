"""A few threads for calls that block, so that the event loop never does."""

from asyncio import wrap_future
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from common.errors import KantoError, TemporaryError

T = TypeVar("T")


class Threads:
    """Runs calls in `count` threads, oldest first. One that waited longer than `start_within` seconds is not begun.

    After a call ended in a TemporaryError, and until one ends otherwise, that is `in_trouble` seconds: those who queue
    behind calls that wait for a server in vain need not try it themselves. So, with calls that last c seconds at most,
    nobody waits longer than `in_trouble` + c to hear that the server is away, however many ask; and a busy machine
    alone refuses nobody so soon. A call that is answered with `late` has done nothing.
    """

    def __init__(
        self,
        name: str,
        *,
        count: int,
        start_within: float,
        in_trouble: float,
        late: Callable[[], KantoError],
        clock: Callable[[], float],
    ) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._start_within = start_within
        self._in_trouble = in_trouble
        self._late = late
        self._clock = clock
        self._is_troubled = False

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """The value of the call, or what it raised."""
        return await wrap_future(self._pool.submit(self._begin, self._clock(), function, arguments))

    def _begin(self, asked_at: float, function: Callable[..., T], arguments: tuple[object, ...]) -> T:
        limit = self._in_trouble if self._is_troubled else self._start_within
        if self._clock() - asked_at > limit:
            raise self._late()
        try:
            value = function(*arguments)
        except TemporaryError:
            self._is_troubled = True
            raise
        self._is_troubled = False
        return value

    def close(self) -> None:
        """Begin nothing more; what runs ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)
