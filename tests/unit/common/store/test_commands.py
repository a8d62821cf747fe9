"""The scripts as text: each command has one, and none looks into a record."""

from pathlib import Path

import pytest

import common.store.commands
from common.store import rules
from common.store.commands import COMMANDS, build_script

SCRIPTS = Path(common.store.commands.__file__).with_name("scripts")
SHARED = {"prelude", "outcome", "windows", "moving"}


def test_every_script_is_a_command_or_shared() -> None:
    assert {path.stem for path in SCRIPTS.glob("*.lua")} == {*COMMANDS, *SHARED}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_brings_its_numbers_the_prelude_and_itself(command: str) -> None:
    script = build_script(command, keep_jobs=1.5)
    assert script.startswith("local HORIZON = 3600000\n")
    assert "local KEEP_JOBS = 1500\n" in script
    assert f"local MAX_EVENTS = {rules.EVENTS}\n" in script
    assert "local CLOCK = redis.call('TIME')\n" in script
    assert script.endswith((SCRIPTS / f"{command}.lua").read_text())
    assert script.index("local function write(") < script.index((SCRIPTS / f"{command}.lua").read_text())


@pytest.mark.parametrize("command", COMMANDS)
def test_no_script_decodes_a_record(command: str) -> None:
    """cjson turns [] into {} and big numbers into floats (hazards H20)."""
    code = [line for line in build_script(command, keep_jobs=1.0).splitlines() if not line.startswith("--")]
    assert not any("cjson" in line or "cmsgpack" in line for line in code)


def test_a_job_is_kept_a_moment_at_least() -> None:
    """Redis takes an expiry of zero for a deletion, and then nobody would see how the job ended."""
    assert "local KEEP_JOBS = 1\n" in build_script("claim", keep_jobs=0.0)
