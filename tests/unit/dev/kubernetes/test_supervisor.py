"""Parts run on, and are stopped and started when somebody asks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dev.kubernetes.lab import control
from dev.kubernetes.lab.place import LabError, Place, find_place
from dev.kubernetes.lab.processes import start_time

ROOT = Path(__file__).resolve().parents[4]
PATIENCE = 60.0


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Of a supervisor that runs two parts."""
    place = find_place(tmp_path, tmp_path)
    command = [sys.executable, "-m", "tests.unit.dev.kubernetes.supervised", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        until(lambda: answers(place))
        yield place
        for pid in pids(place).values():
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        process.kill()


def test_a_part_that_dies_is_started_again_and_the_others_are_left_alone(place: Place) -> None:
    before = pids(place)
    os.kill(known(before["steady"]), signal.SIGKILL)
    until(lambda: pids(place)["steady"] not in (None, before["steady"]))
    assert pids(place)["other"] == before["other"]


def test_a_stopped_part_has_ended_when_the_answer_comes_and_stays_down_until_it_is_started(place: Place) -> None:
    before = pids(place)
    control.ask(place, "stop", "steady")
    assert start_time(known(before["steady"])) is None
    control.ask(place, "restart", "other")  # and more than its pause of a second goes by
    os.kill(known(pids(place)["other"]), signal.SIGKILL)
    stopped = pids(place)["other"]
    until(lambda: pids(place)["other"] not in (None, stopped))
    assert pids(place)["steady"] is None
    control.ask(place, "start", "steady")
    assert start_time(known(pids(place)["steady"])) is not None


def test_start_leaves_a_part_that_runs_and_restart_makes_a_new_one(place: Place) -> None:
    before = pids(place)
    control.ask(place, "start", "steady")
    assert pids(place) == before
    control.ask(place, "restart", "steady")
    assert pids(place)["steady"] not in (None, before["steady"])


def test_a_held_part_stands_still_until_it_is_released(place: Place) -> None:
    pid = known(pids(place)["steady"])
    control.ask(place, "hold", "steady")
    until(lambda: state(pid) == "T")
    control.ask(place, "release", "steady")
    until(lambda: state(pid) == "S")


@pytest.mark.parametrize("words", [("stop", "nothing"), ("kill", "steady"), ("stop",)])
def test_what_cannot_be_done_is_refused_with_what_can(place: Place, words: tuple[str, ...]) -> None:
    with pytest.raises(LabError, match="stop, start, restart, hold, release and one of steady, other"):
        control.ask(place, *words)


def test_who_asks_where_no_lab_is_up_is_told_so(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(LabError, match="lab"):
            control.ask(find_place(folder, tmp_path), "list")


def answers(place: Place) -> bool:
    try:
        return None not in pids(place).values()
    except LabError:
        return False


def pids(place: Place) -> dict[str, int | None]:
    lines = [line.split() for line in control.ask(place, "list").splitlines()]
    return {name: None if pid == "-" else int(pid) for name, pid in lines}


def known(pid: int | None) -> int:
    assert pid is not None
    return pid


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
