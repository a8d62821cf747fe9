import os
from pathlib import Path

import pytest

from worker.platforms.process import launch, starts
from worker.platforms.process.starts import LONGEST_PAUSE, Starts


def crash_loop(times: int) -> list[float]:
    """The pauses between starts of something that dies at once and is started as soon as it may be."""
    state, now, pauses = Starts(), 1000.0, []
    for _ in range(times):
        state = state.started(now)
        pauses.append(state.wait(now))
        now += state.wait(now)
    return pauses


def test_the_first_start_is_at_once() -> None:
    assert Starts().wait(1000.0) == 0.0


def test_pauses_double_to_the_longest() -> None:
    assert crash_loop(9) == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_a_thousand_crashes_are_no_more_than_the_longest_pause() -> None:
    assert crash_loop(1000)[-1] == LONGEST_PAUSE


def test_who_lived_for_a_while_begins_anew() -> None:
    state = Starts(count=4, at=1000.0)
    assert state.started(1012.0).count == 5
    assert state.started(1013.0).count == 1


def test_a_clock_that_was_set_back_delays_no_longer_than_a_pause() -> None:
    assert Starts(count=3, at=10_000.0).wait(5_000.0) == LONGEST_PAUSE


def test_a_shorter_limit_holds() -> None:
    state = Starts(count=9, at=1000.0)
    assert state.wait(1000.0, longest=0.5) == 0.5
    assert state.wait(1000.5, longest=0.5) == 0.0


@pytest.mark.parametrize(
    ("state", "words", "told"),
    [
        (Starts(), "", "it has not been started yet"),
        (Starts(1, 1000.0), "", "it ended without a word"),
        (Starts(1, 1000.0), "no space left", "it ended, its last words: no space left"),
        (Starts(5, 1000.0), "no space left", "it ended, its last words: no space left; started again in 8 s"),
        (Starts(5, 1000.0, "port 20001 is taken"), "no space left", "port 20001 is taken"),
    ],
)
def test_why_it_is_down(state: Starts, words: str, told: str) -> None:
    assert state.why_down(words, 1000.0) == told


def test_a_start_forgets_what_was_in_the_way() -> None:
    assert Starts().hindered("port 20001 is taken").started(1000.0).obstacle == ""


def test_starts_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "starts.json"
    assert starts.load(path) == Starts()
    starts.save(path, Starts(3, 1000.5, "x"))
    assert starts.load(path) == Starts(3, 1000.5, "x")
    path.write_text("")
    assert starts.load(path) == Starts()


def test_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert starts.last_words(log) == ""
    log.write_bytes(b"first\n" + b"x" * 10_000 + b"\n  last \xff words \n\n \n")
    assert starts.last_words(log) == "last \ufffd words"
    log.write_text("y" * 1000)
    assert starts.last_words(log) == "y" * 200


def test_what_an_earlier_life_said_is_not_the_cause_of_the_last_ones_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("no space left\n")
    os.close(launch.open_log(log))
    assert starts.last_words(log) == ""
    with log.open("a") as file:
        file.write("port taken\n")
    assert starts.last_words(log) == "port taken"
