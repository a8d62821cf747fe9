"""What is said once in a while is said at first, and then after a pause."""

from worker.seldom import Seldom


def test_it_is_time_at_first_and_after_each_pause() -> None:
    times = iter((5.0, 5.1, 64.9, 65.0, 66.0, 200.0))
    is_time = Seldom(60.0, clock=lambda: next(times))
    assert [is_time() for _ in range(6)] == [True, False, False, True, False, True]
