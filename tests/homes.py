"""Homes of the process platform for tests: with a small server in the place of CouchDB, and no process left behind."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from common.cluster import ClusterSpec, MirrorRecord
from worker.core.observed import Instance, Platformed
from worker.platforms.process.network import Network
from worker.platforms.process.platform import ProcessPlatform
from worker.platforms.process.program import PlainProgram, Program
from worker.platforms.process.stop import stop_all
from worker.ports import Platform

PATIENCE = 60.0
"""Seconds that a loaded machine may take. No test waits for them when all is well."""

PORTS = range(20_000, 30_000)
FAKE_COUCHDB = PlainProgram((sys.executable, "-I", "-S", str(Path(__file__).with_name("fake_couchdb.py"))))

SPEC = ClusterSpec(
    user="johny2",
    tag="my-test-db1",
    incarnation="first",
    replicas=3,
    databases=("_users", "test"),
    admin_name="johny2",
    admin_line="-pbkdf2:sha256-00,aa,1",
)


def record(spec: ClusterSpec, *, version: int = 1, fence: int = 1) -> MirrorRecord:
    return MirrorRecord(spec, version, "$argon2id$hash", fence=fence)


def until(holds: Callable[[], bool], what: str, *, seconds: float = PATIENCE) -> None:
    """Wait for a condition; an AssertionError that names it when it does not come."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


def look(platform: Platform, spec: ClusterSpec) -> Platformed:
    seen = platform.observe(spec)
    assert isinstance(seen, Platformed), seen
    return seen


def instances(platform: Platform, spec: ClusterSpec) -> tuple[Instance, ...]:
    return look(platform, spec).instances


def build_platform(
    home: Path,
    *,
    program: Program = FAKE_COUCHDB,
    ports: range = PORTS,
    grace: float = 5.0,
    now: Callable[[], float] = time.time,
) -> ProcessPlatform:
    return ProcessPlatform(
        home, network=Network("127.0.0.1", "127.0.0.1"), ports=ports, grace=grace, find_program=lambda: program, now=now
    )


@contextmanager
def kept_home(path: Path) -> Iterator[Path]:
    """A folder; whatever process it has at the end of the block is ended, by the pid that its folder names."""
    try:
        yield path
    finally:
        left = stop_all(path, kill_after=0.01)
        assert not left, f"still running: {left}"
