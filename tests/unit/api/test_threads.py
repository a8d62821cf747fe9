import threading
from collections.abc import Callable
from contextlib import suppress

import anyio
import pytest

from api.threads import Threads
from common.errors import StoreUnavailable

pytestmark = pytest.mark.anyio


class Hands:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def build(clock: Hands, *, count: int = 1) -> Threads:
    return Threads(
        "test", count=count, start_within=10.0, in_trouble=0.9, late=lambda: StoreUnavailable("late"), clock=clock
    )


def away() -> None:
    raise StoreUnavailable("away")


async def test_gives_the_value_or_what_was_raised() -> None:
    threads = build(Hands())
    assert await threads.run(max, 1, 2) == 2
    with pytest.raises(ZeroDivisionError):
        await threads.run(divmod, 1, 0)
    threads.close()


@pytest.mark.parametrize(
    ("first", "waits", "is_begun"),
    [
        (away, 0.8, True),
        (away, 1.0, False),
        (int, 9.9, True),
        (int, 10.1, False),
    ],
)
async def test_what_waited_too_long_is_not_begun(first: Callable[[], object], waits: float, is_begun: bool) -> None:
    clock = Hands()
    threads = build(clock)
    go_on, begun = threading.Event(), threading.Event()
    done: list[str] = []

    def hold() -> None:
        begun.set()
        go_on.wait(60)
        first()

    async def run_first() -> None:
        with suppress(StoreUnavailable):
            await threads.run(hold)

    async def run_second() -> None:
        with suppress(StoreUnavailable):
            await threads.run(done.append, "second")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run_first)
        await anyio.to_thread.run_sync(begun.wait, 60)
        tasks.start_soon(run_second)
        await anyio.wait_all_tasks_blocked()
        clock.now = waits
        go_on.set()
    assert done == (["second"] if is_begun else [])
    threads.close()


async def test_trouble_ends_with_a_call_that_is_answered() -> None:
    clock = Hands()
    threads = build(clock)
    with pytest.raises(StoreUnavailable):
        await threads.run(away)
    await threads.run(int)

    def ask_late() -> None:
        clock.now += 5.0

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(threads.run, ask_late)
        tasks.start_soon(threads.run, int)  # asked before the five seconds, begun after them
    threads.close()


async def test_no_more_than_so_many_at_once() -> None:
    threads = build(Hands(), count=2)
    lock, inside, most = threading.Lock(), 0, 0
    together = threading.Barrier(2)

    def work() -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        together.wait(60)
        with lock:
            inside -= 1

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(threads.run, work)
    assert most == 2
    threads.close()
