"""What the docs name is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.settings import Settings
from tests import commands

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
PATH = re.compile(r"`((?:[a-z_]+/)*[a-z_0-9]+\.py|(?:tests|worker|common|dev)(?:/[a-z_0-9]+)+/?)`")
"""A file or folder of ours, in backticks."""

TARGET = re.compile(r"(?:`|^ {4}|^)make ([a-z-]+)\b", re.MULTILINE)

FUNCTION = re.compile(r"`(test_[a-z0-9_]+)`")


def named(pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    for doc in DOCS:
        for found in pattern.findall(doc.read_text(encoding="utf-8")):
            yield str(doc.relative_to(ROOT)), found


def is_there(name: str) -> bool:
    """A path from the root, or the end of one: the docs leave a folder out where the file before named it."""
    return (ROOT / name).exists() or any(
        True for top in ("api", "common", "dev", "kanto", "tests", "worker") for _ in (ROOT / top).rglob(name)
    )


@pytest.mark.parametrize(("doc", "name"), sorted(set(named(PATH))))
def test_each_file_that_the_docs_name_is_there(doc: str, name: str) -> None:
    assert is_there(name), f"{doc} names {name}"


def test_each_test_that_the_docs_name_is_there() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")]
    missing = [(doc, name) for doc, name in named(FUNCTION) if not any(f"def {name}(" in text for text in texts)]
    assert not missing


def test_each_target_of_make_that_the_docs_name_is_there() -> None:
    there = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = {name for _, name in named(TARGET)}
    assert len(asked) > 5
    assert asked <= there


def test_each_setting_is_in_the_readme() -> None:
    rows = re.findall(r"^\| ([A-Z][A-Z_, ]+) \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    told = set()
    for row in rows:
        first, *others = row.split(", ")
        told |= {first, *(f"{first.rpartition('_')[0]}{other}" if other.startswith("_") else other for other in others)}
    own = {
        "kubernetes_service_host",
        "kubeconfig",
    }  # Kubernetes' own; its API address and the spawner go without KANTO_
    fields = {name.upper() for name in Settings.model_fields if name not in own}
    assert {name.removeprefix("KANTO_") for name in told} == fields


def test_each_promise_says_what_it_assumes_how_it_is_kept_and_which_test_shows_it() -> None:
    text = (ROOT / "docs/guarantees.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    head, _, *promises = rows
    assert [cell.strip() for cell in head] == ["promise", "assumes", "how it is kept", "shown by"]
    assert len(promises) >= 10
    for promise in promises:
        assert len(promise) == len(head), promise[0]
        assert all(cell.strip() for cell in promise), promise[0]
        assert any(name.startswith("tests/") for name in PATH.findall(promise[3])), f"no test shows: {promise[0]}"


def test_each_command_of_an_operator_is_run_by_a_test() -> None:
    text = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
    blocks = commands.named("docs/operate.md")
    assert sorted(blocks.values()) == sorted(commands.FENCED.findall(text)), "a block of commands has no name"
    assert not re.search(r"^ {4}(kanto|curl|cp|make) ", text, re.MULTILINE), "commands that are in no block"
    source = (ROOT / "tests/e2e/test_operate.py").read_text(encoding="utf-8")
    assert not [name for name in blocks if f'.run("{name}"' not in source]
