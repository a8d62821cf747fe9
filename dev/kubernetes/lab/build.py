"""Builds the lab's programs once per machine: they are kept by a hash of what they are built from.

The sources are the three Go modules beside this package, and whatever their go.sum names, which Go fetches itself.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dev.kubernetes.lab.place import LabError

SOURCES = Path(__file__).resolve().parents[1]
VERSION = "v1.34.4"
"""What the parts say they are; go.mod names the same. Without it they say v0.0.0 and clients warn."""

OLDEST_GO = (1, 24)
SECONDS = 3600
SECONDS_PER_WORD = 60
KUBE_FLAGS = (
    "-s -w"
    f" -X k8s.io/component-base/version.gitVersion={VERSION}"
    " -X k8s.io/component-base/version.gitMajor=1"
    f" -X k8s.io/component-base/version.gitMinor={VERSION.split('.')[1]}"
    f" -X k8s.io/client-go/pkg/version.gitVersion={VERSION}"
)
MODULES = {"pause": "-s -w", "kube": KUBE_FLAGS, "coredns": "-s -w"}
"""In the order of building: the small one first, so that a Go that does not work is found out at once."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Cache:
    """Where built programs and images are kept."""

    folder: Path

    def programs(self) -> Path:
        """The folder of the programs that these sources make; it is there only if they have been built."""
        return self.folder / f"programs-{fingerprint()}"

    def image(self, fingerprint: str) -> Path:
        return self.folder / "images" / f"{fingerprint}.tar"


def fingerprint() -> str:
    """Of all that decides what comes out: the sources, the locks, the flags, Go's version."""
    digest = hashlib.sha256(repr((sorted(MODULES.items()), go_version())).encode())
    for file in _sources():
        digest.update(f"\n{file.relative_to(SOURCES)}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def go_version() -> str | None:
    """As `go version` has it, such as `go1.24.1`; None where there is no Go."""
    try:
        answer = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def ensure(cache: Cache, say: Say) -> Path:
    """The folder of the programs, built if it is missing; LabError when the build fails.

    Two callers take turns. A build that was cut short counts for nothing, though Go keeps what it had compiled.
    """
    programs = cache.programs()
    if programs.is_dir():
        return programs
    cache.folder.mkdir(parents=True, exist_ok=True)
    with (cache.folder / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if programs.is_dir():
            return programs
        made = cache.folder / f"{programs.name}.new"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir()
        started = time.monotonic()
        say(f"building Kubernetes {VERSION} from its Go modules: some 10 minutes on two cores, once per machine")
        for module, flags in MODULES.items():
            _build(module, flags, made, cache.folder / "build.log", say)
        (made / "kubectl").symlink_to("kube")
        made.rename(programs)
        say(f"built after {time.monotonic() - started:.0f} s: {programs}")
    return programs


def _build(module: str, flags: str, target: Path, log: Path, say: Say) -> None:
    command = ["go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", flags]
    command += ["-o", str(target / module), "."]
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            ["nice", "-n", "5", *command], cwd=SOURCES / module, env=environment, stdout=output, stderr=output
        ) as process,
    ):
        _wait_for(process, module, say)
    if process.returncode != 0:
        lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        raise LabError(f"building {module} failed, see {log}: {' / '.join(lines[-3:])}")


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
    raise LabError(f"building {module} did not end within {SECONDS} s: look at the network and the Go module proxy")


def _sources() -> Iterator[Path]:
    for module in sorted(MODULES):
        for path in sorted((SOURCES / module).iterdir()):
            if path.suffix == ".go" or path.name in ("go.mod", "go.sum"):
                yield path
