"""Our own Redis: its port, password and configuration, kept in the home. No secret is ever in a command line."""

import random
import secrets
from dataclasses import dataclass
from pathlib import Path

from common.ports import why_not
from kanto.run import ports, redis_program
from kanto.run.home import Home, read, write_private

CONFIGURATION = """\
# Made by `kanto run` at each start.
bind 127.0.0.1
port {port}
protected-mode yes
requirepass {password}
dir {folder}
daemonize no
logfile ""
loglevel warning
# What was answered outlives the process; a machine that dies may lose the last second.
appendonly yes
appendfsync always
save ""
# A full memory refuses writes; it never drops a job.
maxmemory-policy noeviction
"""


@dataclass(frozen=True, slots=True)
class RedisServer:
    """How to start it, and where it then is. `url` holds the password, `told` does not."""

    words: tuple[str, ...]
    url: str
    told: str


def prepare(home: Home, *, chance: random.Random) -> RedisServer:
    """Choose what is not chosen yet, remember it, and write the configuration."""
    program = _remember_program(home.redis / "program.json")
    port = _remember_port(home.redis / "port", chance=chance)
    password = _remember_password(home.redis / "password")
    configuration = home.redis / "redis.conf"
    write_private(configuration, build_configuration(port=port, password=password, folder=home.redis))
    return RedisServer(
        words=(program.path, str(configuration)),
        url=f"redis://:{password}@127.0.0.1:{port}/0",
        told=f"{program}, 127.0.0.1:{port}, password in {home.redis / 'password'}",
    )


def build_configuration(*, port: int, password: str, folder: Path) -> str:
    """The text of redis.conf."""
    return CONFIGURATION.format(port=port, password=password, folder=quote(str(folder)))


def quote(text: str) -> str:
    """As redis.conf wants it: in double quotes, with backslashes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _remember_program(file: Path) -> redis_program.Program:
    first = redis_program.decode(read(file))
    program = redis_program.choose(redis_program.find(first=first), first=first)
    if program != first:
        write_private(file, redis_program.encode(program))
    return program


def _remember_port(file: Path, *, chance: random.Random) -> int:
    """The port of the last time, so that a person may note it; another one where somebody took it."""
    known = read(file)
    if known is not None and known.isdecimal() and why_not("127.0.0.1", int(known)) is None:
        return int(known)
    port = ports.find_free(chance)
    write_private(file, f"{port}\n")
    return port


def _remember_password(file: Path) -> str:
    known = read(file)
    if known is None:
        known = secrets.token_hex(32)
        write_private(file, f"{known}\n")
    return known
