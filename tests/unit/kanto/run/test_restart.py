import signal

import pytest

from kanto.run.restart import CLEAN_END, describe_end, next_pause


def test_pauses_double_from_half_a_second_to_fifteen() -> None:
    pauses = []
    pause: float | None = None
    for _ in range(8):
        pause = next_pause(pause, lived=0.1)
        pauses.append(pause)
    assert pauses == [0.5, 1, 2, 4, 8, 15, 15, 15]


def test_a_child_that_lived_half_a_minute_starts_over() -> None:
    assert next_pause(15, lived=30) == 0.5
    assert next_pause(15, lived=29.9) == 15


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, CLEAN_END),
        (3, "exit code 3"),
        (-signal.SIGKILL, "signal SIGKILL"),
        (-signal.SIGTERM, "signal SIGTERM"),
        (-99, "signal 99"),
    ],
)
def test_an_end_is_told_by_exit_code_or_by_the_name_of_the_signal(code: int, words: str) -> None:
    assert describe_end(code) == words
