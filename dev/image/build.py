"""Builds the Dockerfile's images with docker, podman or buildah, whichever is there."""

import os
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGETS = {
    "kanto": "kanto",
    "couchdb-standin": "kanto-couchdb-standin",
    "instances": "kanto-instances",
    "redis-standin": "kanto-redis-standin",
}
"""The Dockerfile's targets in the order of building, and the names of their images below `localhost/`."""

HOLD_KANTO = ("kanto", "instances")
ENGINES = ("docker", "podman", "buildah")
SECONDS = 1800

Say = Callable[[str], None]


class ImageError(Exception):
    """A sentence for the person who called us."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A program that builds images, and what it is called with."""

    program: str
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    build_words: Sequence[str] = ()

    def build(self, target: str, arguments: Mapping[str, str], tag: str, secrets: Mapping[str, Path]) -> str:
        """Build one of TARGETS, and give its image's name; ImageError with the engine's last words else."""
        name = name_of(target, tag)
        words = [self.program, *(["bud"] if self.program == "buildah" else ["build"]), *self.build_words]
        words += ["--file", str(ROOT / "Dockerfile"), "--target", target, "--tag", name]
        for key, value in arguments.items():
            words += ["--build-arg", f"{key}={value}"]
        if target in HOLD_KANTO:
            # not by an argument: podman takes a layer of its cache for one whose argument has changed
            for key, value in {"version": version(), "revision": revision()}.items():
                words += ["--label", f"org.opencontainers.image.{key}={value}"]
        for key, file in secrets.items():
            words += ["--secret", f"id={key},src={file}"]
        environment = {**self.environment, "DOCKER_BUILDKIT": "1"}
        done = subprocess.run(
            [*words, str(ROOT)], env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
        )
        if done.returncode != 0:
            lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise ImageError(f"building {name} with {self.program} failed: " + "\n".join(lines[-15:]))
        return name


def name_of(target: str, tag: str) -> str:
    return f"localhost/{TARGETS[target]}:{tag}"


def find_engine() -> Engine:
    """The first of ENGINES that is there and answers; ImageError when none does."""
    for program in ENGINES:
        if shutil.which(program) is None:
            continue
        asked = [program, "info"]
        if subprocess.run(asked, capture_output=True, check=False, timeout=60).returncode == 0:
            return Engine(program)
    raise ImageError(f"an engine is needed that builds images and answers `info`: one of {', '.join(ENGINES)}.")


def build(engine: Engine, targets: Sequence[str], tag: str, say: Say, *, base: str | None = None) -> list[str]:
    """Build these targets, and give the names of their images.

    base: the image with Python 3.11 they are built on, instead of the Dockerfile's own.
    """
    arguments = {} if base is None else {"BASE": base}
    with secrets(os.environ) as given:
        names = []
        for target in sorted(targets, key=list(TARGETS).index):
            if target == "instances" and engine.program != "docker":
                # podman and buildah skip a stage that another names by an argument: it has to be an image by then
                if "couchdb-standin" not in targets:
                    engine.build("couchdb-standin", arguments, tag, given)
                arguments = {**arguments, "COUCHDB": name_of("couchdb-standin", tag)}
            names.append(engine.build(target, arguments, tag, given))
            say(f"built {names[-1]}")
    return names


def version() -> str:
    """kanto's, as its pyproject.toml says it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


def revision() -> str:
    """The commit that is built; `unknown` outside a repository."""
    try:
        words = ["git", "-C", str(ROOT), "rev-parse", "HEAD"]
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


@contextmanager
def secrets(environment: Mapping[str, str]) -> Iterator[dict[str, Path]]:
    """What the build needs to reach registries by this machine's ways, and what no layer may hold.

    `ca`: SSL_CERT_FILE. `pip`: PIP_CONFIG_FILE, or PIP_INDEX_URL. `npm`: npm_config_userconfig, or npm_config_registry.
    """
    given: dict[str, Path] = {}
    with tempfile.TemporaryDirectory(prefix="kanto-build-") as folder:
        made = {
            "pip": ("PIP_INDEX_URL", "[global]\nindex-url = {}\n"),
            "npm": ("npm_config_registry", "registry={}\n"),
        }
        for key, (name, text) in made.items():
            if value := environment.get(name):
                given[key] = Path(folder, key)
                given[key].touch(mode=0o600)
                given[key].write_text(text.format(value), encoding="utf-8")
        for key, name in {"ca": "SSL_CERT_FILE", "pip": "PIP_CONFIG_FILE", "npm": "npm_config_userconfig"}.items():
            if Path(environment.get(name, "")).is_file():
                given[key] = Path(environment[name])
        yield given
