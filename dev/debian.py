"""Debian packages that the tests' tools need: which are missing, and getting them with apt-get."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

SECONDS = 900
SBIN = "/usr/local/sbin:/usr/sbin:/sbin"

Packages = Mapping[str, tuple[str, ...]]
"""Names, each with the programs by which one sees that it is there: a name on PATH, or a whole path."""


class DebianError(Exception):
    """A sentence for the person who called us."""


def require(packages: Packages, say: Callable[[str], None], *, words: str, missing: Sequence[str] = ()) -> None:
    """Install those that are missing, without what they only recommend.

    `words` say what is needed, `missing` what else is not there: then nothing is installed. DebianError with all that
    is missing, or with what apt-get said.
    """
    wanted = _missing(packages)
    lacking = [*missing]
    if wanted and (lacking or shutil.which("apt-get") is None):
        lacking.append(f"the Debian packages {' '.join(wanted)}")
    if lacking:
        raise DebianError(f"{words} Missing here: {'; '.join(lacking)}.")
    if wanted:
        say(f"installing {' '.join(wanted)}")
        _install(packages, wanted)


def _install(packages: Packages, wanted: Sequence[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-qq"], ["install", "-qq", "--no-install-recommends", *wanted]):
        command = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-y", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS)
        if done.returncode != 0:
            lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
            raise DebianError(f"`apt-get {' '.join(words)}` failed: {lines[-1]}")
    if left := _missing(packages):
        raise DebianError(f"apt-get installed {' '.join(left)}, but their programs are not where they were expected")


def _missing(packages: Packages) -> list[str]:
    """Those of which a program is not there."""
    return [name for name, programs in packages.items() if not all(map(_is_there, programs))]


def _is_there(program: str) -> bool:
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:{SBIN}") is not None or (
        program.startswith("/") and Path(program).exists()
    )
