"""Answers to the byte: each is kept in a file of tests/golden/, so that a change of the interface is seen in review."""

from pathlib import Path

import httpx
import pytest

FOLDER = Path(__file__).parent.parent / "golden"

HEADERS = ("allow", "content-type", "location", "retry-after", "www-authenticate")


def same(answer: httpx.Response, name: str) -> None:
    """The answer is the one in the file. A missing file is written, for people to look at, and the test fails."""
    lines = [f"HTTP {answer.status_code}"]
    lines += [f"{header}: {answer.headers[header]}" for header in HEADERS if header in answer.headers]
    text = "\n".join([*lines, "", answer.text.rstrip("\n"), ""])
    file = FOLDER / f"{name}.txt"
    if not file.exists():
        file.write_text(text)
        pytest.fail(f"{file} was missing and is written now: look at it, and commit it if it is right")
    assert text == file.read_text()
