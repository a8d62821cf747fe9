"""The supervisor with a real Redis and small fake children, as a process of its own that gets real signals."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol

import pytest
import redis

from kanto.run.processes import born
from kanto.run.supervisor import Limits
from tests.ports import free_port

PROGRAM = str(Path(__file__).with_name("fake_run.py"))
PATIENCE = 60.0
"""Seconds that a loaded machine may take for anything here. No test waits for them when all is well."""


class Run:
    """One `kanto run`, and what it has printed so far."""

    def __init__(self, home: Path, port: int, *parts: str, **environment: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KANTO_")}
        self.home = home
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, *parts],
            env={**kept, "KANTO_HOME": str(home), "KANTO_PORT": str(port), **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._text = ""
        self._news = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self._text += line
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first place in the output that matches; fails with all of the output when there is none."""
        deadline = time.monotonic() + PATIENCE
        with self._news:
            while (match := re.search(pattern, self._text, re.MULTILINE)) is None:
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    pytest.fail(f"no {pattern!r} in:\n{self._text}")
                self._news.wait(left)
        return match

    def pid_of(self, name: str, *, before: int | None = None) -> int:
        """Of the newest process of that name; `before` is one that it must not be."""
        unlike = "" if before is None else rf"(?!{before}\b)"
        return int(self.wait_for(rf"^{name} +\| pid ({unlike}\d+) is up")[1])

    def end(self, number: signal.Signals = signal.SIGINT) -> str:
        """Send a signal, wait for the end, and give the whole output."""
        self.process.send_signal(number)
        return self.output()

    def output(self) -> str:
        """All of it, once it has ended."""
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return self._text

    def redis(self) -> redis.Redis:
        """A client of its Redis."""
        password = (self.home / "redis" / "password").read_text().strip()
        return redis.Redis(port=int((self.home / "redis" / "port").read_text()), password=password)

    def redis_pid(self) -> int:
        """The process that serves it."""
        with closing(self.redis()) as client:
            return int(client.info("server")["process_id"])

    def clean_up(self) -> None:
        """Whatever a failed test left."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.output()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Start(Protocol):
    def __call__(self, *parts: str, home: str = "home", port: int | None = None, **environment: str) -> Run: ...


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    runs: list[Run] = []

    def start_one(*parts: str, home: str = "home", port: int | None = None, **environment: str) -> Run:
        runs.append(Run(tmp_path / home, port or free_port(), *parts, **environment))
        return runs[-1]

    yield start_one
    for run in runs:
        run.clean_up()


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_all_start_and_ctrl_c_ends_all_in_order(start: Start) -> None:
    run = start("api=serve", "worker-1=work", "worker-2=work")
    run.wait_for("kanto is ready at http://127.0.0.1:")
    run.wait_for("curl 127.0.0.1:")
    pids = [run.pid_of(name) for name in ("api", "worker-1", "worker-2")] + [run.redis_pid()]

    began = time.monotonic()
    output = run.end()
    took = time.monotonic() - began

    assert run.process.returncode == 0
    assert took < 15
    assert not any(map(born, pids))
    assert output.count("told to end") == 3
    assert output.rindex("told to end") < output.index("instances ended") < output.index("all ended; data stays")
    assert "killed" not in output
    assert "\x1b[" not in output


def test_sigterm_ends_all_as_ctrl_c_does_also_before_it_is_ready(start: Start) -> None:
    run = start("api=work")
    run.pid_of("api")
    output = run.end(signal.SIGTERM)
    assert run.process.returncode == 0
    assert "all ended; data stays" in output
    assert "kanto is ready" not in output


def test_what_dies_is_started_again_and_the_log_says_why(start: Start) -> None:
    run = start("api=serve", "worker-1=work")
    first = run.pid_of("worker-1")
    os.kill(first, signal.SIGKILL)
    run.wait_for(r"worker-1 ended \(signal SIGKILL\) after [\d.]+ s; it is started again in 0.5 s")
    second = run.pid_of("worker-1", before=first)
    assert second != first


def test_what_dies_at_once_is_started_again_more_and_more_slowly(start: Start) -> None:
    run = start("api=serve", "worker-1=die")
    for pause in ("0.5", "1", "2"):
        run.wait_for(rf"worker-1 ended \(exit code 1\) after [\d.]+ s; it is started again in {pause} s")
    run.wait_for(r"^worker-1 \| broken")
    run.wait_for("kanto is ready")  # the others do not wait for it


def test_redis_that_is_killed_comes_back_with_its_data(start: Start) -> None:
    run = start("api=serve", "worker-1=work")
    run.wait_for("kanto is ready")
    worker = run.pid_of("worker-1")
    os.kill(run.redis_pid(), signal.SIGKILL)
    run.wait_for(r"redis ended \(signal SIGKILL\)")
    with closing(run.redis()) as client:
        wait_until(lambda: answers(client))
        assert client.lrange("pids", 0, -1) == [str(worker).encode()]


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def test_what_does_not_end_is_killed_within_the_limit(start: Start) -> None:
    run = start("api=serve", "worker-1=deaf")
    run.wait_for("kanto is ready")
    deaf = run.pid_of("worker-1")
    began = time.monotonic()
    output = run.end()
    assert time.monotonic() - began >= Limits().parts
    assert "worker-1 has not ended yet; it is killed" in output
    assert "instances ended" in output
    assert born(deaf) is None
    assert run.process.returncode == 0


def test_a_second_ctrl_c_hurries(start: Start) -> None:
    run = start("api=serve", "worker-1=deaf")
    run.wait_for("kanto is ready")
    run.pid_of("worker-1")
    run.process.send_signal(signal.SIGINT)
    run.wait_for("told to end, but does not")
    time.sleep(0.5)  # sooner, it is taken for the same Ctrl-C, passed on by make
    began = time.monotonic()
    output = run.end()
    assert time.monotonic() - began < Limits().parts
    assert "instances ended" in output
    assert run.process.returncode == 0


def test_a_taken_port_is_refused_before_anything_starts(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = start("api=serve", port=taken.getsockname()[1])
        output = run.output()
    assert run.process.returncode == 2
    assert re.fullmatch(r"kanto: Port \d+ of 127\.0\.0\.1 is taken by another program: .*KANTO_PORT=.*\n", output)
    assert not (run.home / "redis" / "redis.conf").exists()


def test_a_home_in_use_is_refused(start: Start) -> None:
    first = start("api=serve")
    first.wait_for("kanto is ready")
    second = start("api=serve")
    output = second.output()
    assert second.process.returncode == 2
    assert f"is in use by another `kanto run` (process {first.process.pid})" in output
    assert first.process.poll() is None


def test_two_homes_do_not_meet(start: Start) -> None:
    one, two = start("api=serve", "worker-1=work", home="one"), start("api=serve", "worker-1=work", home="two")
    for run in (one, two):
        run.wait_for("kanto is ready")
        with closing(run.redis()) as client:
            wait_until(lambda client=client: client.llen("pids") == 1)  # type: ignore[misc]
            assert client.lrange("pids", 0, -1) == [str(run.pid_of("worker-1")).encode()]
    one.end()
    assert born(two.redis_pid()) is not None


def test_children_of_a_killed_run_end_and_the_next_run_goes_on_with_the_data(start: Start) -> None:
    first = start("api=serve", "worker-1=work", "worker-2=work")
    first.wait_for("kanto is ready")
    pids = [first.pid_of(name) for name in ("api", "worker-1", "worker-2")]
    redis_pid = first.redis_pid()
    first.process.kill()
    first.process.wait(PATIENCE)

    second = start("api=serve", "worker-1=work", port=first.port)
    second.wait_for("kanto is ready")
    assert not any(map(born, [*pids, redis_pid]))
    worker = second.pid_of("worker-1")
    with closing(second.redis()) as client:
        wait_until(lambda: client.llen("pids") == 3)
        assert set(client.lrange("pids", 0, -1)) == {str(pid).encode() for pid in (*pids[1:], worker)}


def test_the_password_is_in_no_command_line_and_in_no_readable_file(start: Start) -> None:
    run = start("api=serve")
    run.wait_for("kanto is ready")
    password = (run.home / "redis" / "password").read_text().strip()
    assert len(password) == 64
    command = Path(f"/proc/{run.redis_pid()}/cmdline")
    if command.exists():
        assert password not in command.read_text()
    for file in ("password", "redis.conf"):
        assert (run.home / "redis" / file).stat().st_mode & 0o077 == 0
    assert password not in run.end()


def test_a_redis_that_runs_already_is_used_and_left_running(start: Start) -> None:
    owner = start("api=serve", home="owner")
    owner.wait_for("kanto is ready")
    password, port = ((owner.home / "redis" / file).read_text().strip() for file in ("password", "port"))
    guest = start("api=serve", "worker-1=work", home="guest", KANTO_REDIS_URL=f"redis://:{password}@127.0.0.1:{port}/1")
    guest.wait_for(rf"redis +redis://127\.0\.0\.1:{port}/1")
    guest.pid_of("worker-1")
    assert password not in guest.end()
    assert born(owner.redis_pid()) is not None
    assert not (guest.home / "redis" / "redis.conf").exists()


def test_a_redis_that_does_not_answer_is_refused(start: Start) -> None:
    run = start("api=serve", KANTO_REDIS_URL=f"redis://:secret@127.0.0.1:{free_port()}/0")
    output = run.output()
    assert run.process.returncode == 2
    assert "does not answer" in output
    assert "secret" not in output


def test_a_reader_that_goes_away_ends_all(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    environment = {**os.environ, "KANTO_HOME": str(tmp_path / "head"), "KANTO_PORT": str(free_port())}
    with subprocess.Popen(
        [sys.executable, PROGRAM, "api=serve", "worker-1=die"],
        env=environment,
        stdout=writing,
        stdin=subprocess.DEVNULL,
    ) as process:
        os.close(writing)
        os.read(reading, 10)
        os.close(reading)
        assert process.wait(PATIENCE) == 0
