"""Files that are whole or not there: written aside, synced, then named. Folders are renamed aside before they go."""

import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

SWEEP_SECONDS = 2.0
"""A sweep is done within a step: what a large cluster has left takes several."""


def make_folder(path: Path) -> None:
    """The folder exists, and those above it; what had to be made is for its owner alone (0700)."""
    if not path.parent.is_dir():
        make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def read(path: Path) -> str | None:
    """What the file says; None when there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None


def write(path: Path, text: str) -> None:
    """Replace the file as a whole, for its owner alone (0600); it is on the disk when this returns."""
    _write_aside(path, text, is_synced=True).replace(path)
    sync(path.parent)


def note(path: Path, text: str) -> None:
    """The same for what is not missed after a crash of the machine; a file that says so already is left as it is."""
    if read(path) != text:
        _write_aside(path, text, is_synced=False).replace(path)


def create(path: Path, text: str) -> bool:
    """Create the file, whole; False, and nothing changed, when there is one already."""
    if path.exists():
        return False
    new = _write_aside(path, text, is_synced=True)
    try:
        os.link(new, path)
    except FileExistsError:
        return False
    finally:
        new.unlink()
    sync(path.parent)
    return True


def _write_aside(path: Path, text: str, *, is_synced: bool) -> Path:
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if is_synced:
            os.fsync(descriptor)
    return new


def sync(folder: Path) -> None:
    """Names given in this folder outlive a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside(folder: Path, aside: Path) -> Path | None:
    """Rename a folder away in one stroke, to be emptied later; None when there is none."""
    make_folder(aside)
    to = aside / f"{folder.name}.{secrets.token_hex(8)}"
    try:
        folder.rename(to)
    except FileNotFoundError:
        return None
    sync(folder.parent)
    return to


def sweep(aside: Path, *, seconds: float = SWEEP_SECONDS, monotonic: Callable[[], float] = time.monotonic) -> None:
    """Empty what was set aside, now or by someone who did not come to it, for so many seconds at most.

    What cannot go, or is left when time is up, is tried another time.
    """
    until = monotonic() + seconds
    for folder in sorted(aside.glob("*")):
        for here, _, names in os.walk(folder, topdown=False):
            for name in names:
                if monotonic() >= until:
                    return
                with suppress(OSError):
                    Path(here, name).unlink()
            _remove_empty(Path(here))


def _remove_empty(folder: Path) -> None:
    """A folder in which nothing is left but links to other folders, which stay where they are."""
    with suppress(OSError):
        for link in [entry for entry in folder.iterdir() if entry.is_symlink()]:
            link.unlink()
        folder.rmdir()
