import subprocess
import sys

import pytest

from kanto.commands import build_parser, main


def test_help_names_the_commands_and_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for word in ("run", "api", "worker", "KANTO_HOME", "KANTO_PORT", "KANTO_WORKERS", "KANTO_REDIS_URL", "NO_COLOR"):
        assert word in told


def test_what_follows_a_part_is_for_the_part() -> None:
    assert build_parser().parse_args(["worker", "stop", "--help"]).rest == ["stop", "--help"]


def test_a_part_begins_before_anything_large_is_imported() -> None:
    """`kanto api` becomes `python -m api`: what it imported before that would be imported twice."""
    words = "import sys, kanto.__main__; print(*{'argparse', 'asyncio', 'pydantic', 'redis'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, timeout=60, check=True)
    assert not ended.stdout.split()


def test_a_part_is_given_what_follows_it() -> None:
    command = [sys.executable, "-m", "kanto", "worker", "backwards"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert ended.stderr == "usage: python -m worker [instances|stop]\n"


def test_what_has_to_be_put_right_first_is_one_sentence_and_exit_code_2() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "kanto", "run"],
        env={"KANTO_PORT": "http"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("kanto: KANTO_PORT: ")
    assert ended.stderr.count("\n") == 1
