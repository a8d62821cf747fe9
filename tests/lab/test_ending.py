"""A lab ends without a trace, whatever happened to it."""

import os
import signal
from pathlib import Path

import pytest

from dev.kubernetes.lab.processes import find_init, start_time
from tests.lab.machine import Lab, state_of_machine, traces_of, until

POD = """
apiVersion: v1
kind: Pod
metadata: {name: box}
spec:
  terminationGracePeriodSeconds: 30
  containers: [{name: box, image: "lab.local/busybox:1", command: [sleep, "1000000"]}]
"""


def test_down_leaves_nothing_of_a_lab_with_pods_and_commands_and_is_safe_to_repeat(lab: Lab) -> None:
    before = state_of_machine()
    lab.do("up")
    lab.kubectl("apply", "-f", "-", stdin=POD)
    lab.kubectl("wait", "--for=condition=Ready", "pod/box", "--timeout=60s")
    with lab.started("exec", "--", "sh", "-c", "setsid sleep 1000000 & wait") as command:
        until(lambda: len(lab.commands()) >= 2, "the command and its child run")
        processes = lab.identities()
        assert len(processes) >= 15
        lab.do("down")
        assert command.wait(60) == -signal.SIGKILL
    assert {(pid, started) for pid, started in processes if start_time(pid) == started} == set()
    assert traces_of(lab) == []
    assert state_of_machine() == before
    lab.do("down")


def test_a_lab_whose_first_process_was_killed_can_be_brought_up_again(lab: Lab) -> None:
    lab.do("up")
    init = find_init(lab.place)
    assert init is not None
    os.kill(init, signal.SIGKILL)
    until(lambda: find_init(lab.place) is None, "the first process has ended")
    assert lab.ask("exec", "--", "true").returncode == 2
    lab.do("up")
    assert lab.kubectl("get", "node", "lab", "-o", "name") == "node/lab\n"
    lab.do("down")
    assert traces_of(lab) == []


@pytest.mark.parametrize("moment", [".lab", "kubelet.yaml", "init.pid", "control", "log/kubelet.log"])
def test_an_up_that_was_killed_at_any_moment_leaves_nothing_that_down_does_not_end(lab: Lab, moment: str) -> None:
    with lab.started("up") as up:
        until((lab.folder / moment).exists, f"{moment} is there")
        up.kill()
    lab.do("down")
    assert traces_of(lab) == []


def test_up_starts_anew_after_an_up_that_was_killed(lab: Lab) -> None:
    with lab.started("up") as up:
        until((lab.folder / "log" / "kube-apiserver.log").exists, "the API server was started")
        up.kill()
    lab.do("up")
    assert lab.kubectl("get", "--raw", "/readyz") == "ok"


def test_a_down_that_was_cut_short_is_ended_by_the_next(lab: Lab) -> None:
    (lab.folder / "etcd" / "member").mkdir(parents=True)
    (lab.folder / ".lab").touch()
    lab.do("down")
    assert traces_of(lab) == []


def test_a_lab_whose_folder_somebody_removed_ends_all_the_same(lab: Lab) -> None:
    lab.do("up")
    processes = lab.identities()
    (lab.folder / ".lab").unlink()
    lab.folder.rename(lab.folder.with_name("aside"))
    lab.do("down")
    assert {(pid, started) for pid, started in processes if start_time(pid) == started} == set()
    assert traces_of(lab) == []


def test_run_takes_the_lab_down_after_its_command_and_gives_its_status(lab: Lab) -> None:
    done = lab.ask("run", "--", "sh", "-c", 'kubectl get --raw /readyz; test -n "$KANTO_LAB"; exit 7')
    assert (done.returncode, done.stdout) == (7, "ok")
    assert traces_of(lab) == []


def test_run_takes_the_lab_down_when_it_is_ended_itself(lab: Lab) -> None:
    with lab.started("run", "--", "sleep", "1000000") as run:
        until((lab.folder / "up").exists, "the lab is up")
        run.terminate()
        assert run.wait(60) == 2
    assert traces_of(lab) == []


def test_a_folder_that_is_no_lab_is_left_as_it_is(tmp_path: Path) -> None:
    mine = tmp_path / "letters"
    mine.write_text("dear", encoding="utf-8")
    for command in ("up", "down"):
        refused = Lab(tmp_path).ask(command)
        assert refused.returncode == 2
        assert "no lab's folder" in refused.stderr
    assert mine.read_text(encoding="utf-8") == "dear"


def test_two_commands_on_one_lab_do_not_mix(lab: Lab) -> None:
    with lab.started("up") as up:
        until((lab.folder / ".lab").exists, "the first is at work")
        second = lab.ask("down")
        assert up.wait(200) == 0
    assert second.returncode == 2
    assert "is at work" in second.stderr
