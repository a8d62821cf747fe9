"""Records as kanto has written them: each kind in files of tests/golden/records, `KIND.1.json` and so on, oldest first.

The newest file is what this kanto writes. A change of what is written gets a file of the next number; the older ones
stay, since a record that was written then is still there, and it must be read with nothing of it lost.
"""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "golden" / "records"


def files(kind: str) -> list[Path]:
    """All that have been written of a kind, oldest first."""
    return sorted(FOLDER.glob(f"{kind}.*.json"), key=lambda file: int(file.name.split(".")[1]))


def same(text: str, kind: str) -> None:
    """The text is what the newest file holds. Other text is written into the next one, and the test fails."""
    known = files(kind)
    if not known or text != known[-1].read_text().rstrip("\n"):
        file = FOLDER / f"{kind}.{len(known) + 1}.json"
        file.write_text(text + "\n")
        pytest.fail(
            f"what is written of {kind} has changed: {file} holds it now. Look whether an older kanto can read it"
        )


def is_kept(old: object, new: object) -> bool:
    """Whether all that the older JSON value says is in the newer one too."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(name in new and is_kept(value, new[name]) for name, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(is_kept, old, new))
    return old == new
