"""Commands that a page of the docs names: taken from it, and run by a shell as a person would."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"^<!-- run: ([a-z-]+) -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""A block of commands with its name."""

FENCED = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
"""Every block of commands."""

_MISSING = [program for program in ("bash", "curl", "cmp") if shutil.which(program) is None]
NEEDS_PROGRAMS = pytest.mark.skipif(bool(_MISSING), reason=f"the docs' commands need {', '.join(_MISSING)}")

PATIENCE = 180.0
"""Seconds for one block on a loaded machine."""


def named(page: str) -> dict[str, str]:
    """The blocks of a page by their names, each of which it has once."""
    found = NAMED.findall((ROOT / page).read_text(encoding="utf-8"))
    blocks = dict(found)
    assert len(blocks) == len(found), f"{page} has a name twice"
    return blocks


def run(script: str, *, folder: Path, environment: Mapping[str, str], fails: bool = False) -> str:
    """What the script prints. AssertionError if one of its commands fails; with `fails`, if none does."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode != 0) == fails, f"{script}\nended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout
