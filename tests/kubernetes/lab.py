"""The lab that tests run in: its folder, where all processes of a run note what one of them reads in the end."""

import os
from pathlib import Path

FOLDER = Path(os.environ.get("KANTO_LAB", "."))
"""A new one each time a lab is brought up."""

AUDIT = FOLDER / "audit.log"

FAILED = "failed"
"""The notes of files in which a test failed."""

WHOLE = "KANTO_TEST_WHOLE"
"""Set where every other test has run in this lab before."""


def note(kind: str, line: str) -> None:
    """A write of one line to a file that is open for appending is not cut by another one (POSIX, write)."""
    with _file(kind).open("ab", buffering=0) as file:
        file.write(f"{line}\n".encode())


def read_notes(kind: str) -> tuple[str, ...]:
    """In the order in which they came."""
    try:
        return tuple(_file(kind).read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return ()


def _file(kind: str) -> Path:
    return FOLDER / f"tests-{kind}"
