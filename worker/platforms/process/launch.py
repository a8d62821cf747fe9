"""Becomes the processes that it is told of on standard input, and says on standard output how it went.

Run as a file by a bare interpreter. Input: a JSON list of {folder, command, environment}; output: a list of words, ""
for each that runs its program now. Each child takes the lock of its folder, writes down who it is, and only then
becomes the program: what has no record never ran, and what ran and died has left the lock (hazards H2, H7).
"""

import contextlib
import fcntl
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

LARGEST_LOG = 1024 * 1024
BEGINS = "-- kanto starts it"
"""How the line begins that parts one life of a program from the next in its log."""

MOST_FILES = 65_536
"""A ring of 500 replications had 1,700 files open, and many systems begin with 1,024."""


def main() -> None:
    """Start all. They are orphans once this has ended, which is at once."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    begun = [begin(item) for item in json.load(sys.stdin)]  # all of them before any is waited for: they take turns
    json.dump([word if isinstance(word, str) else wait(word) for word in begun], sys.stdout)


def begin(item: dict[str, Any]) -> int | str:
    """Fork the process of one folder; the end of a pipe on which it says what goes wrong, or why it was not forked."""
    folder = Path(item["folder"])
    try:
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        log = open_log(folder / "log")
    except BlockingIOError:
        return "its folder is locked: a process of before has not ended yet"
    except OSError as error:
        return f"{folder}: {error.strerror}"
    reading, writing = os.pipe()  # closed by the system when the program takes over
    if os.fork() == 0:
        become(item, folder=folder, lock=lock, log=log, errors=writing)
    for descriptor in (lock, log, writing):
        os.close(descriptor)
    return reading


def wait(reading: int) -> str:
    """Until the program has taken over, which closes the pipe: "" then, else why it could not."""
    with os.fdopen(reading, encoding="utf-8") as errors:
        return errors.read()


def open_log(path: Path) -> int:
    """To be written at its end, after a line that says that a life begins; a large one makes place for a new one."""
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        path.replace(path.with_suffix(".old"))
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with contextlib.suppress(OSError):  # a full disk is the program's to tell
        os.write(log, f"\n{BEGINS}, {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n".encode())
    return log


def become(item: dict[str, Any], *, folder: Path, lock: int, log: int, errors: int) -> None:
    """The child's part: it does not return."""
    try:
        os.setsid()
        os.umask(0o077)
        os.chdir(folder)
        write_record(folder / "process.json")
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.set_inheritable(lock, True)
        reset_signals()
        raise_limit()
        os.execve(item["command"][0], item["command"], item["environment"])  # noqa: S606
    except BaseException as error:
        os.write(errors, f"{item['command'][0]} cannot be started: {error}".encode())
    finally:
        os._exit(127)


def write_record(path: Path) -> None:
    """Who this process is; a program that takes over keeps pid and start time."""
    from worker.platforms.process.born import born  # noqa: PLC0415  (found once main has said where)

    new = path.with_suffix(".new")
    new.write_text(json.dumps({"pid": os.getpid(), "born": born(os.getpid())}), encoding="utf-8")
    new.replace(path)


def reset_signals() -> None:
    """As a program expects them; SIGHUP is ignored until it says otherwise, since it may come before it is ready."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def raise_limit() -> None:
    """As many open files as the system lets us have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if most == resource.RLIM_INFINITY else min(most, MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


if __name__ == "__main__":
    main()
