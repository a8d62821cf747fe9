"""What the process platform promises beyond the protocol: detached processes, found again, and no stranger harmed."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.homes import SPEC, build_platform, instances, kept_home, look, record, until
from tests.integration.platforms import http
from worker.core.observed import Platformed, Unknown
from worker.platforms.process import processes
from worker.platforms.process.born import born
from worker.platforms.process.endpoint import load as load_endpoint
from worker.platforms.process.launcher import Launch, LocalLauncher
from worker.platforms.process.layout import ClusterPlace, HomePlace
from worker.platforms.process.login import load as load_login
from worker.platforms.process.platform import ProcessPlatform
from worker.platforms.process.processes import Process
from worker.platforms.process.program import PlainProgram
from worker.platforms.process.starts import load as load_starts
from worker.platforms.process.stop import stop_all

SLEEPER = (sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(SLEEPER) as process:
        yield process
        process.kill()


def process_of(folder: Path) -> Process:
    found = processes.read_process(folder)
    assert found is not None, folder
    return found


def kill(folder: Path) -> None:
    assert LocalLauncher().stop([folder], patience=30) == ()


def folders(place: ClusterPlace) -> list[Path]:
    return [place.balancer, *(place.instance(n).folder for n in place.ordinals())]


def test_instances_outlive_the_process_that_made_them(home: Path, place: ClusterPlace) -> None:
    words = (
        "import pathlib, sys; from tests.homes import *; p = build_platform(pathlib.Path(sys.argv[1]));"
        "p.claim(SPEC, 1); p.provision(SPEC, (), 1)"
    )
    subprocess.run([sys.executable, "-c", words, str(home)], cwd=ROOT, check=True, timeout=120)
    platform = build_platform(home)
    assert [i.phase for i in instances(platform, SPEC)] == ["running"] * 3
    before = [process_of(folder) for folder in folders(place)]
    assert all(os.getsid(process.pid) == process.pid != os.getsid(0) for process in before)
    platform.provision(SPEC, (), 1)
    assert [process_of(folder) for folder in folders(place)] == before


def test_a_killed_instance_comes_back_with_its_data_on_its_port(made: ProcessPlatform, place: ClusterPlace) -> None:
    instance = instances(made, SPEC)[1]
    http.wait_for(instance.address)
    http.put(instance.address, "/thing", b"precious")
    kill(place.instance(1).folder)
    assert instances(made, SPEC)[1].phase == "down"

    def is_back() -> bool:
        made.provision(SPEC, (), 1)
        return http.answers(instance.address)

    until(is_back, "it answers on its port")
    assert http.get(instance.address, "/thing") == {"kept": "precious"}
    assert instances(made, SPEC)[1] == instance


def test_the_endpoint_is_all_instances_in_turn(made: ProcessPlatform) -> None:
    seen = look(made, SPEC)
    for instance in seen.instances:
        http.wait_for(instance.address)
    assert seen.endpoint is not None
    http.wait_for(seen.endpoint)
    answers = [http.get(seen.endpoint)["uuid"] for _ in range(6)]
    assert sorted(answers) == sorted([i.identity for i in seen.instances] * 2)


@pytest.mark.parametrize("lie", ["other start", "other boot"])
def test_a_stranger_with_the_pid_is_not_touched(
    made: ProcessPlatform, place: ClusterPlace, home: Path, stranger: subprocess.Popen[bytes], lie: str
) -> None:
    folder = place.instance(1).folder
    kill(folder)
    boot, start = str(born(stranger.pid)).split()
    told = f"{boot} {int(start) - 1}" if lie == "other start" else f"0-of-before {start}"
    (folder / "process.json").write_text(json.dumps({"pid": stranger.pid, "born": told}))
    assert instances(made, SPEC)[1].phase == "down"
    assert stop_all(home, kill_after=0.01) == ()
    (folder / "process.json").write_text(json.dumps({"pid": stranger.pid, "born": told}))
    made.retire(SPEC, instances(made, SPEC)[1], 1)
    made.remove(SPEC, 1)
    assert stranger.poll() is None


@pytest.mark.usefixtures("made")
def test_a_folder_has_one_process(place: ClusterPlace) -> None:
    folder = place.instance(0).folder
    before = process_of(folder)
    (words,) = LocalLauncher().start([Launch(str(folder), SLEEPER, {})])
    assert "locked" in words
    assert process_of(folder) == before


def test_a_lost_record_starts_no_second_server(made: ProcessPlatform, place: ClusterPlace) -> None:
    folder = place.instance(0).folder
    before = process_of(folder)
    text = (folder / "process.json").read_text()
    (folder / "process.json").unlink()
    made.provision(SPEC, (), 1)
    assert before.is_running()
    (folder / "process.json").write_text(text)
    assert instances(made, SPEC)[0].phase == "running"


def test_a_taken_port_is_told_and_tried_again(made: ProcessPlatform, place: ClusterPlace) -> None:
    instance = instances(made, SPEC)[2]
    port = int(instance.address.rpartition(":")[2])
    kill(place.instance(2).folder)
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", port))
        thief.listen()

        def is_told() -> bool:
            made.provision(SPEC, (), 1)
            return "taken" in instances(made, SPEC)[2].reason

        until(is_told, "the reason names the port")
        seen = instances(made, SPEC)[2]
        assert seen.phase == "down"
        assert str(port) in seen.reason

    def is_back() -> bool:
        made.provision(SPEC, (), 1)
        return instances(made, SPEC)[2].phase == "running"

    until(is_back, "it is started again")
    assert instances(made, SPEC)[2].address == instance.address


def test_what_dies_at_once_is_not_spun_and_tells_its_last_words(home: Path) -> None:
    now = 1000.0
    script = "print('started'); print('the disk is on fire'); raise SystemExit(3)"
    program = PlainProgram((sys.executable, "-I", "-S", "-c", script))
    platform = build_platform(home, program=program, now=lambda: now)
    spec = replace(SPEC, replicas=1)
    platform.claim(spec, 1)
    platform.provision(spec, (), 1)
    until(lambda: instances(platform, spec)[0].phase == "down", "it has ended")
    for _ in range(5):
        platform.provision(spec, (), 1)
    assert "the disk is on fire" in instances(platform, spec)[0].reason
    log = HomePlace.of(home).cluster(spec).instance(0).folder / "log"
    assert log.read_text().count("started") == 1
    now += 0.5
    platform.provision(spec, (), 1)
    until(lambda: log.read_text().count("fire") == 2, "it was started once more")


def test_a_program_that_cannot_be_started_says_why(home: Path) -> None:
    platform = build_platform(home, program=PlainProgram(("/nonexistent/couchdb",)))
    platform.claim(SPEC, 1)
    platform.provision(SPEC, (), 1)
    until(lambda: [i.phase for i in instances(platform, SPEC)] == ["down"] * 3, "all that was tried has ended")
    assert "/nonexistent/couchdb" in instances(platform, SPEC)[0].reason


@pytest.mark.usefixtures("made")
def test_no_secret_is_in_any_command_line_or_open_file(place: ClusterPlace) -> None:
    login = load_login(place.credentials)
    assert login is not None
    for folder in folders(place):
        words = Path(f"/proc/{process_of(folder).pid}/cmdline").read_bytes().decode()
        for secret in (login.password, login.secret, login.line, SPEC.admin_line):
            assert secret not in words
    for path in (place.folder.parent, *place.folder.parent.rglob("*")):
        if path.is_relative_to(place.instance(0).data / "couchdb"):
            continue  # the server's own
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_two_homes_do_not_share_a_port(tmp_path: Path) -> None:
    with kept_home(tmp_path / "one") as one, kept_home(tmp_path / "two") as two:
        ports: list[str] = []
        for home in (one, two):
            platform = build_platform(home)
            platform.claim(SPEC, 1)
            platform.provision(SPEC, (), 1)
            seen = look(platform, SPEC)
            ports += [str(seen.endpoint), *(i.address for i in seen.instances)]
            assert [i.phase for i in seen.instances] == ["running"] * 3
        assert len(set(ports)) == 8


def test_ports_of_what_is_down_are_not_given_away(made: ProcessPlatform, home: Path) -> None:
    stop_all(home, kill_after=0.01)
    other = replace(SPEC, user="ann")
    made.claim(other, 1)
    made.provision(other, (), 1)
    mine, hers = look(made, SPEC), look(made, other)
    addresses = [mine.endpoint, hers.endpoint, *(i.address for i in (*mine.instances, *hers.instances))]
    assert len(set(addresses)) == 8


def test_processes_that_provision_at_once_make_one_set(home: Path, place: ClusterPlace) -> None:
    words = (
        "import pathlib, sys; from tests.homes import *; p = build_platform(pathlib.Path(sys.argv[1]));"
        "p.claim(SPEC, 1); print('ready', flush=True); input();"
        "p.provision(SPEC, (), 1); print(p.credentials(SPEC).password)"
    )
    command = [sys.executable, "-c", words, str(home)]
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            for _ in range(3)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        passwords = [worker.communicate(timeout=120)[0].strip() for worker in workers]
    assert len(set(passwords)) == 1
    assert passwords[0]
    seen = instances(build_platform(home), SPEC)
    assert [i.phase for i in seen] == ["running"] * 3
    for folder in folders(place):  # and one start of each
        assert load_starts(folder / "starts.json").count == 1


def test_what_a_broken_off_making_left_is_cleared(made: ProcessPlatform, place: ClusterPlace) -> None:
    (place.instances / ".new-half").mkdir()
    made.provision(replace(SPEC, replicas=4), (), 1)
    assert sorted(path.name for path in place.instances.iterdir()) == ["0", "1", "2", "3"]


def test_stop_all_ends_every_process_and_keeps_the_data(made: ProcessPlatform, place: ClusterPlace, home: Path) -> None:
    before = instances(made, SPEC)
    http.wait_for(before[0].address)
    http.put(before[0].address, "/thing", b"precious")
    running = [process_of(folder) for folder in folders(place)]
    assert stop_all(home) == ()
    assert not any(process.is_running() for process in running)
    assert [i.phase for i in instances(made, SPEC)] == ["down"] * 3

    def are_back() -> bool:
        build_platform(home).provision(SPEC, (), 1)
        return all(i.phase == "running" for i in instances(made, SPEC)) and http.answers(before[0].address)

    until(are_back, "all run again")
    assert instances(made, SPEC) == before
    assert http.get(before[0].address, "/thing") == {"kept": "precious"}


def test_a_process_that_does_not_end_when_told_is_killed(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    assert LocalLauncher().start([Launch(str(tmp_path), (sys.executable, "-I", "-S", "-c", deaf), {})]) == ("",)
    until(lambda: "deaf" in (tmp_path / "log").read_text(), "it does not listen")
    process = process_of(tmp_path)
    assert LocalLauncher().stop([tmp_path], patience=30, kill_after=0.05) == ()
    assert not process.is_running()


def test_a_worker_that_was_paused_in_a_removed_cluster_makes_nothing(made: ProcessPlatform) -> None:
    made.claim(SPEC, 5)
    made.remove(SPEC, 5)
    late = build_platform(made.means.home.folder.parent)
    with pytest.raises(Exception, match="claimed with 5"):
        late.claim(SPEC, 4)
    late.claim(replace(SPEC, incarnation="second"), 6)


@pytest.mark.parametrize(
    "missing", ["anchor.json", "credentials.json", "endpoint.json", "balancer/starts.json", "instances/0/identity.json"]
)
def test_removal_works_from_half_made_states(made: ProcessPlatform, place: ClusterPlace, missing: str) -> None:
    running = [process_of(folder) for folder in folders(place)]
    (place.folder / missing).unlink()
    (place.instances / ".new-half").mkdir()
    made.remove(SPEC, 1)
    assert made.observe(SPEC) == Platformed()
    assert not place.folder.exists()
    assert not any(process.is_running() for process in running)
    assert list(made.means.home.aside.iterdir()) == []


def test_what_another_incarnation_left_without_an_anchor_stays(made: ProcessPlatform, place: ClusterPlace) -> None:
    place.anchor.unlink()
    made.remove(replace(SPEC, incarnation="other"), 9)
    assert place.ordinals() == (0, 1, 2)


def test_what_cannot_be_read_is_unknown(made: ProcessPlatform, place: ClusterPlace) -> None:
    made.mirror(record(SPEC))
    whole = place.anchor.read_text()
    place.anchor.write_text(whole[:40])
    assert isinstance(made.observe(SPEC), Unknown)
    assert isinstance(made.records(), Unknown)
    assert isinstance(made.credentials(SPEC), Unknown)
    place.anchor.unlink()
    assert isinstance(made.records(), Unknown)
    place.anchor.write_text(whole)
    assert made.records() == (record(SPEC),)


def test_a_copied_folder_is_no_instance(made: ProcessPlatform, place: ClusterPlace) -> None:
    known = place.instance(0)
    copy = place.instance(7)
    copy.folder.mkdir()
    copy.identity.write_text(known.identity.read_text())
    assert [i.name[-2:] for i in instances(made, SPEC)] == ["-0", "-1", "-2"]
    assert str(copy.folder) in look(made, SPEC).problem


def test_a_damaged_folder_is_told_and_left_and_another_made(made: ProcessPlatform, place: ClusterPlace) -> None:
    place.instance(1).identity.unlink()
    made.provision(SPEC, (), 1)
    assert [i.name[-2:] for i in instances(made, SPEC)] == ["-0", "-2", "-3"]
    assert str(place.instance(1).folder) in look(made, SPEC).problem
    assert place.instance(1).data.is_dir()


def test_a_retired_instance_has_no_process_and_no_folder(made: ProcessPlatform, place: ClusterPlace) -> None:
    process = process_of(place.instance(2).folder)
    made.retire(SPEC, instances(made, SPEC)[2], 1)
    assert not process.is_running()
    assert not place.instance(2).folder.exists()
    assert list(made.means.home.aside.iterdir()) == []


def test_a_signal_for_a_process_of_before_reaches_nobody(stranger: subprocess.Popen[bytes]) -> None:
    start = str(born(stranger.pid))
    processes.send(Process(stranger.pid, f"{start}0"), signal.SIGKILL)
    with pytest.raises(subprocess.TimeoutExpired):
        stranger.wait(0.5)
    processes.send(Process(stranger.pid, start), signal.SIGKILL)
    assert stranger.wait(60) == -signal.SIGKILL


def test_a_port_that_has_become_free_is_not_given_to_the_next(made: ProcessPlatform) -> None:
    retired = instances(made, SPEC)[2]
    made.retire(SPEC, retired, 1)
    made.provision(SPEC, (), 1)
    assert retired.address not in {i.address for i in instances(made, SPEC)}


@pytest.mark.usefixtures("made")
def test_other_settings_reach_an_endpoint_that_is_there(place: ClusterPlace, home: Path) -> None:
    before = load_endpoint(place.endpoint)
    assert before is not None
    build_platform(home, grace=1.5).provision(SPEC, (), 1)
    assert load_endpoint(place.endpoint) == replace(before, grace=1.5)
