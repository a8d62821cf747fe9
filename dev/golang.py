"""Programs built from Go modules of this repository, once per machine: kept by a hash of what they are built from.

The sources are the folders named here, and whatever their go.sum names, which Go fetches itself.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

OLDEST_GO = (1, 24)
SECONDS = 3600
SECONDS_PER_WORD = 60

Say = Callable[[str], None]


class BuildError(Exception):
    """A sentence for the person who called us: which build failed, and where its log is."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is built together, and from what."""

    sources: Path
    """The folder of the modules: a program's module is the folder of its name."""

    flags: Mapping[str, str]
    """The programs, in the order of building, each with the linker's flags."""

    package: Literal[".", "tool"] = "."
    """The module itself, or the one that the `tool` line of its go.mod names."""

    links: Mapping[str, str] = field(default_factory=dict)
    """Other names of programs."""

    def fingerprint(self) -> str:
        """Of all that decides what comes out: the sources, the locks, the flags, Go's version."""
        digest = hashlib.sha256(repr((sorted(self.flags.items()), go_version())).encode())
        for file in self._files():
            digest.update(f"\n{file.relative_to(self.sources)}\n".encode())
            digest.update(file.read_bytes())
        return digest.hexdigest()[:16]

    def _files(self) -> Iterator[Path]:
        for module in sorted(self.flags):
            for path in sorted((self.sources / module).iterdir()):
                if path.suffix == ".go" or path.name in ("go.mod", "go.sum"):
                    yield path


def go_version() -> str | None:
    """As `go version` has it, such as `go1.24.1`; None where there is no Go."""
    try:
        answer = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def missing() -> str | None:
    """What is missing here to build; None if nothing is. Go fetches a newer one itself where a module asks for it."""
    version = go_version()
    parts = (version or "go0").removeprefix("go").split(".")[:2]
    if tuple(map(int, parts)) >= OLDEST_GO:
        return None
    return f"Go {'.'.join(map(str, OLDEST_GO))} or newer on PATH (found: {version or 'none'})"


def ensure(recipe: Recipe, programs: Path, say: Say, *, told: str) -> None:
    """Make `programs`, the folder of a recipe's programs, unless it is there; BuildError when a build fails.

    Two callers take turns. A build that was cut short counts for nothing, though Go keeps what it had compiled.
    `told` is what is said when a build begins.
    """
    if programs.is_dir():
        return
    programs.parent.mkdir(parents=True, exist_ok=True)
    with (programs.parent / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if programs.is_dir():
            return
        made = programs.parent / f"{programs.name}.new"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        started = time.monotonic()
        say(told)
        for module in recipe.flags:
            _build(recipe, module, made, programs.parent / "build.log", say)
        for name, program in recipe.links.items():
            (made / name).symlink_to(program)
        made.rename(programs)
        say(f"built after {time.monotonic() - started:.0f} s: {programs}")


def _build(recipe: Recipe, module: str, target: Path, log: Path, say: Say) -> None:
    command = ["go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", recipe.flags[module]]
    command += ["-o", str(target / module), recipe.package]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            ["nice", "-n", "5", *command], cwd=recipe.sources / module, env=environment, stdout=output, stderr=output
        ) as process,
    ):
        _wait_for(process, module, say)
    if process.returncode != 0:
        lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        raise BuildError(f"building {module} failed, see {log}: {' / '.join(lines[-3:])}")


def _wait_for(process: subprocess.Popen[bytes], module: str, say: Say) -> None:
    """A long wait is told now and then; it is not for ever."""
    for waited in range(0, SECONDS, SECONDS_PER_WORD):
        if waited:
            say(f"still building {module} after {waited} s")
        try:
            process.wait(SECONDS_PER_WORD)
        except subprocess.TimeoutExpired:
            continue
        except BaseException:
            process.terminate()
            raise
        return
    process.terminate()
    raise BuildError(f"building {module} did not end within {SECONDS} s: look at the network and the Go module proxy")
