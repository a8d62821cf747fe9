import threading

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
    return Threads("test", count=count, start_within=0.9, late=lambda: StoreUnavailable("late"), clock=clock)


async def test_gives_the_value_or_what_was_raised() -> None:
    threads = build(Hands())
    assert await threads.run(max, 1, 2) == 2
    with pytest.raises(ZeroDivisionError):
        await threads.run(divmod, 1, 0)
    threads.close()


async def test_what_waited_too_long_is_not_begun() -> None:
    clock = Hands()
    threads = build(clock)
    go_on, begun = threading.Event(), threading.Event()
    done: list[str] = []

    def hold() -> None:
        begun.set()
        go_on.wait(60)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(threads.run, hold)
        await anyio.to_thread.run_sync(begun.wait, 60)

        async def late() -> None:
            with pytest.raises(StoreUnavailable):
                await threads.run(done.append, "late")

        tasks.start_soon(late)
        await anyio.wait_all_tasks_blocked()
        clock.now = 1.0
        go_on.set()
    assert done == []
    await threads.run(done.append, "in time")
    assert done == ["in time"]
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
