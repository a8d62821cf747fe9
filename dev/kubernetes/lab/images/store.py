"""The images that a lab's containerd holds."""

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from dev.kubernetes.lab.place import LabError

SOCKET = Path("/run/containerd/containerd.sock")
IMPORT = ("ctr", "-a", str(SOCKET), "-n", "k8s.io", "images", "import")
PATIENCE = 60.0
SECONDS_PER_IMAGE = 300


def wait() -> None:
    """Until containerd answers, called inside the lab; LabError after a minute."""
    deadline = time.monotonic() + PATIENCE
    while not SOCKET.exists():
        if time.monotonic() > deadline:
            raise LabError(f"containerd has no socket after {PATIENCE:.0f} s")
        time.sleep(0.05)


def load(archives: Sequence[Path]) -> None:
    """Called inside the lab."""
    for archive in archives:
        _import([*IMPORT, str(archive)], archive)


def load_from_outside(init: int, archives: Sequence[Path]) -> None:
    """Archives of this machine into the lab of this first process; LabError for what is none."""
    for archive in archives:
        with archive.open("rb") as file:
            _import(["nsenter", "-t", str(init), "-m", "-p", *IMPORT, "-"], archive, stdin=file.fileno())


def _import(command: Sequence[str], archive: Path, *, stdin: int = subprocess.DEVNULL) -> None:
    done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False, timeout=SECONDS_PER_IMAGE)
    if done.returncode != 0:
        raise LabError(f"{archive} cannot be loaded as an image: {done.stderr.strip()}")
