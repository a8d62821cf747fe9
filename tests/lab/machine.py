"""What a lab may not leave on the machine, and a lab to look at."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev.kubernetes.lab import cgroups
from dev.kubernetes.lab.init import SYSCTLS
from dev.kubernetes.lab.place import Place, find_place
from dev.kubernetes.lab.processes import start_time

PROGRAM = Path(__file__).resolve().parents[2] / "dev" / "kubernetes" / "bin" / "lab"
PATIENCE = 120.0
"""Seconds that a loaded machine may take. No test waits for them when all is well."""

TRACES = ("var/lib/kubelet", "run/containerd", "etc/cni", "opt/cni", "var/log/pods", "var/lib/cni", "run/cni")
OWN_SYSCTLS = (*SYSCTLS, "net/ipv4/ip_forward")


@dataclass(frozen=True, slots=True)
class Lab:
    """One folder, and `lab` commands on it."""

    folder: Path

    @property
    def place(self) -> Place:
        return find_place(self.folder, self.folder)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, str(PROGRAM), *words]

    @property
    def environment(self) -> Mapping[str, str]:
        return {**os.environ, "LAB_DIR": str(self.folder)}

    @contextmanager
    def started(self, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A command that runs meanwhile, and is killed afterwards if it still does."""
        with subprocess.Popen(self.command(*words), env=self.environment, stdout=subprocess.DEVNULL) as process:
            try:
                yield process
            finally:
                process.kill()

    def ask(self, *words: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*words),
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )

    def do(self, *words: str, stdin: str | None = None) -> str:
        """What a command prints; it must succeed."""
        done = self.ask(*words, stdin=stdin)
        assert done.returncode == 0, f"{words}: {done.stdout} {done.stderr}"
        return done.stdout

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        return self.do("exec", "--", "kubectl", *words, stdin=stdin)

    def identities(self) -> set[tuple[int, str]]:
        """The pids and start times of all processes of the lab, of containers and of commands."""
        pids = cgroups.pids_in({self.place.name}) | self.commands()
        return {(pid, started) for pid in pids if (started := start_time(pid)) is not None}

    def commands(self) -> set[int]:
        """The pids of what `lab exec` started and of what that started."""
        return cgroups.pids_in({cgroups.exec_name(self.place)})


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait for something to become so."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {PATIENCE} s: {what}"
        time.sleep(0.05)


def state_of_machine() -> dict[str, object]:
    """What a lab could change for others and must not."""
    return {
        "sysctls": {name: Path("/proc/sys", name).read_text(encoding="utf-8") for name in OWN_SYSCTLS},
        "folders": [name for name in TRACES if Path("/", name).exists()],
        "links": sorted(link.name for link in Path("/sys/class/net").iterdir()),
    }


def traces_of(lab: Lab) -> list[str]:
    """What is still there of a lab: its folder, mounts, control groups, and processes that name it."""
    folder, name = str(lab.folder), lab.place.name
    found = [folder] if lab.folder.exists() else []
    found += [line for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines() if folder in line]
    found += [
        f"{parent}/{child}" for parent, children, _ in os.walk("/sys/fs/cgroup") for child in children if name in child
    ]
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            except OSError:
                continue
            if folder.encode() in words:
                found.append(f"{process.name} {words[:100]!r}")
    return found
