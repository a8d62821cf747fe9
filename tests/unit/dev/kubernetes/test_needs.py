"""A machine that cannot have a lab is told what it lacks."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[4] / "dev" / "kubernetes" / "bin" / "lab"


@pytest.mark.parametrize("command", ["needs", "up"])
def test_what_is_missing_is_named_before_anything_is_done(tmp_path: Path, command: str) -> None:
    """On a machine with an empty PATH: no Go, no apt-get, no program of a package."""
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path), "LAB_DIR": str(tmp_path / "lab")}
    refused = subprocess.run(
        [sys.executable, str(PROGRAM), command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert refused.returncode == 2
    assert "A lab needs: Linux on x86-64, root, control groups" in refused.stderr
    _, missing = refused.stderr.split("Missing here: ")
    assert "Go 1.24 or newer on PATH (found: none)" in missing
    assert "the Debian packages" in missing
    assert "Traceback" not in missing
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_there_is_not_ends_with_what_there_is() -> None:
    refused = subprocess.run(
        [sys.executable, str(PROGRAM), "upp"], capture_output=True, text=True, check=False, timeout=60
    )
    assert refused.returncode == 2
    assert "lab exec -- COMMAND..." in refused.stdout
