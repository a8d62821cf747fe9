import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kanto.run.processes import Ledger, Running, born, end_all, is_running

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
DEAF = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)",
)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEP) as process:
        yield process
        process.kill()


def test_a_process_is_known_by_pid_and_start(sleeper: subprocess.Popen[bytes]) -> None:
    start = born(sleeper.pid)
    assert start is not None
    assert is_running(Running("x", sleeper.pid, start))
    assert not is_running(Running("x", sleeper.pid, "another boot 1"))


def test_a_zombie_is_not_running(sleeper: subprocess.Popen[bytes]) -> None:
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert born(sleeper.pid) is None


def test_what_a_run_leaves_is_found_by_the_next(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    ledger = Ledger(tmp_path / "run.json")
    ledger.add("worker-1", sleeper.pid)
    assert [left.pid for left in Ledger(tmp_path / "run.json").left_over()] == [sleeper.pid]
    ledger.drop("worker-1")
    assert Ledger(tmp_path / "run.json").left_over() == ()


def test_a_stranger_with_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(f'[{{"name": "api", "pid": {os.getpid()}, "born": "another boot 7"}}]')
    assert Ledger(tmp_path / "run.json").left_over() == ()


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"name": 1}'])
def test_a_ledger_that_was_cut_off_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    assert Ledger(tmp_path / "run.json").left_over() == ()


def test_processes_are_ended_and_those_that_do_not_listen_are_killed(sleeper: subprocess.Popen[bytes]) -> None:
    with subprocess.Popen(DEAF, stdout=subprocess.PIPE) as deaf:
        assert deaf.stdout is not None
        deaf.stdout.readline()
        both = [Running("x", process.pid, born(process.pid) or "") for process in (sleeper, deaf)]
        end_all(both, patience=0.5)
        assert not any(map(is_running, both))
