"""Building images: with which engine, and what is handed in. That the images work is shown by tests/image."""

import json
import os
from pathlib import Path

import pytest

from dev import debian
from dev.image import __main__ as command
from dev.image import build
from dev.image.build import Engine, ImageError

FAKE = """#!/bin/sh
[ "$1" = info ] && exit {info}
python3 - "$@" >>{log} <<'END'
import json, sys
print(json.dumps(sys.argv[1:]))
END
exit {status}
"""


class Machine:
    """A machine with just the engines that a test puts on PATH."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.log = folder / "log"
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        monkeypatch.setattr(build, "ENGINES", ("one-engine", "other-engine"))
        for name in (
            "SSL_CERT_FILE",
            "PIP_CONFIG_FILE",
            "PIP_INDEX_URL",
            "npm_config_userconfig",
            "npm_config_registry",
        ):
            monkeypatch.delenv(name, raising=False)

    def has(self, program: str, *, info: int = 0, status: int = 0) -> None:
        file = self.folder / program
        file.write_text(FAKE.format(log=self.log, info=info, status=status), encoding="utf-8")
        file.chmod(0o755)

    def calls(self) -> list[list[str]]:
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("[")]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_the_first_engine_that_answers_builds_all_targets(machine: Machine) -> None:
    machine.has("one-engine", info=1)
    machine.has("other-engine")
    assert command.main(["--tag", "t1", "--base", "mine:1"]) == 0
    built = [call[call.index("--target") + 1] for call in machine.calls()]
    assert built == ["kanto", "couchdb-standin", "instances", "redis-standin"]
    for call in machine.calls():
        assert "BASE=mine:1" in call
        assert call[call.index("--tag") + 1].endswith(":t1")
    instances = next(call for call in machine.calls() if "instances" in call)
    assert "COUCHDB=localhost/kanto-couchdb-standin:t1" in instances


def test_instances_are_built_on_a_stand_in_that_is_built_before(machine: Machine) -> None:
    machine.has("one-engine")
    assert command.main(["instances"]) == 0
    assert [call[call.index("--target") + 1] for call in machine.calls()] == ["couchdb-standin", "instances"]


def test_without_an_engine_it_says_which_there_could_be(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.has("one-engine", info=1)
    assert command.main([]) == 2
    assert "one-engine, other-engine" in capsys.readouterr().err


def test_a_build_that_fails_says_which_image(machine: Machine) -> None:
    machine.has("one-engine", status=3)
    with pytest.raises(ImageError, match="localhost/kanto:latest with one-engine failed"):
        build.build(Engine("one-engine"), ["kanto"], "latest", lambda _: None)


@pytest.mark.parametrize("words", [["--own"], ["--own", "--needs"]])
def test_the_tests_own_engine_says_all_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.setattr(debian, "SBIN", "/nowhere")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", "/nowhere")
    assert command.main(words) == 2
    told = capsys.readouterr().err
    assert "Debian 12 as root" in told
    assert "Missing here: root; the Debian packages " in told
    assert " iptables " in told


def test_an_unknown_target_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["kantoo"])
    assert "there is no target kantoo" in capsys.readouterr().err


def test_registries_of_ones_own_are_handed_in_as_secrets(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("an authority", encoding="utf-8")
    given = {"SSL_CERT_FILE": str(authority), "PIP_INDEX_URL": "https://me:secret@pip.invalid/simple"}
    with build.secrets({**given, "npm_config_userconfig": str(tmp_path / "missing")}) as secrets:
        assert set(secrets) == {"ca", "pip"}
        assert secrets["ca"] == authority
        assert "index-url = https://me:secret@pip.invalid/simple" in secrets["pip"].read_text(encoding="utf-8")
        assert secrets["pip"].stat().st_mode & 0o077 == 0
        made = secrets["pip"]
    assert not made.exists()


def test_a_file_of_settings_wins_over_an_address(tmp_path: Path) -> None:
    settings = tmp_path / "npmrc"
    settings.touch()
    given = {"npm_config_userconfig": str(settings), "npm_config_registry": "https://npm.invalid"}
    with build.secrets(given) as secrets:
        assert secrets == {"npm": settings}


def test_the_version_is_that_of_the_package() -> None:
    assert build.version() in (build.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert len(build.revision()) == 40 or not (build.ROOT / ".git").exists()


def test_every_target_is_one_of_the_dockerfile() -> None:
    text = (build.ROOT / "Dockerfile").read_text(encoding="utf-8")
    for target in build.TARGETS:
        assert f" AS {target}{os.linesep}" in text
