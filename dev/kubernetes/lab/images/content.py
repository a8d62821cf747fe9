"""What the lab's images hold: programs of this machine with their libraries, and the stand-in for CouchDB."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from dev.kubernetes.lab.configuration import PAUSE_IMAGE
from dev.kubernetes.lab.images.archive import Entry, Image, entries_of

COUCHDB_IMAGE = "lab.local/couchdb:3.5"
BUSYBOX_IMAGE = "lab.local/busybox:1"

STAND_IN = Path(__file__).resolve().parents[3] / "couchdb"
FILES = Path(__file__).resolve().parents[2] / "images" / "couchdb"

COUCHDB_USER = 5984
"""uid and gid in the official image."""

NOT_RUN = frozenset({"test", "prebuilds", "deps", ".kanto-setup", ".package-lock.json"})
"""Folders and files of the stand-in and its packages that it does without; of `prebuilds` it needs one."""

NATIVE = "prebuilds/linux-x64/node.napi.glibc.node"

ACCOUNTS = """root:x:0:0:root:/root:/bin/sh
couchdb:x:5984:5984:CouchDB:/opt/couchdb:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/bin/sh
"""
GROUPS = "root:x:0:\ncouchdb:x:5984:\nnogroup:x:65534:\n"


def pause(program: Path) -> Image:
    """What holds a pod's namespaces open."""
    return Image(PAUSE_IMAGE, (Entry("pause", program, mode=0o755),), ("/pause",))


def busybox() -> Image:
    """A shell, wget, nc, nslookup: a client in a pod."""
    return Image(BUSYBOX_IMAGE, tuple(_system()), entrypoint=(), command=("/bin/sh",))


def couchdb(node: Path) -> Image:
    """The stand-in for CouchDB, with the official image's environment, paths, user and way to start."""
    return Image(
        COUCHDB_IMAGE,
        (
            *_system(),
            *_programs({"usr/bin/node": node, "usr/bin/flock": Path("/usr/bin/flock")}),
            Entry("usr/bin/tini", Path("/usr/bin/tini-static"), mode=0o755),
            Entry("docker-entrypoint.sh", FILES / "docker-entrypoint.sh", mode=0o755),
            Entry("opt/couchdb/bin/couchdb", FILES / "couchdb", mode=0o755),
            Entry("opt/couchdb/etc/default.ini", FILES / "default.ini"),
            Entry("opt/couchdb/etc/default.d/10-docker-default.ini", FILES / "10-docker-default.ini"),
            Entry("opt/couchdb/etc/local.ini", text=""),
            *(Entry(f"opt/couchdb/{name}", mode=0o770, owner=COUCHDB_USER) for name in ("data", "etc/local.d")),
            *_stand_in("opt/couchdb/stand-in"),
        ),
        entrypoint=("tini", "--", "/docker-entrypoint.sh"),
        command=("/opt/couchdb/bin/couchdb",),
        user=str(COUCHDB_USER),
        folder="/opt/couchdb",
        ports=(5984, 4369, 9100),
    )


def _system() -> Iterator[Entry]:
    """A static busybox under all its names, and the accounts."""
    names = subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True, timeout=30).stdout
    yield Entry("bin/busybox", Path("/bin/busybox"), mode=0o755)
    for name in sorted(set(names.split()) - {"busybox"}):
        yield Entry(f"bin/{name}", link="busybox", mode=0o777)
    yield Entry("usr/bin/env", link="/bin/busybox", mode=0o777)
    yield Entry("tmp", mode=0o1777)
    yield Entry("etc/passwd", text=ACCOUNTS)
    yield Entry("etc/group", text=GROUPS)


def _programs(programs: dict[str, Path]) -> Iterator[Entry]:
    """Programs at their places, and the libraries that they load, where they look for them."""
    libraries = {library for program in programs.values() for library in _libraries(program)}
    for place, program in programs.items():
        yield Entry(place, program.resolve(), mode=0o755)
    for library in sorted(libraries):
        yield Entry(str(library).lstrip("/"), library.resolve(), mode=0o755)


def _libraries(program: Path) -> set[Path]:
    """By the loader's own word (ldd(1)): `name => /path (0x...)`, or `/path (0x...)`."""
    answer = subprocess.run(["ldd", str(program.resolve())], capture_output=True, text=True, check=True, timeout=30)
    return {Path(path) for path in re.findall(r"(/\S+) \(0x", answer.stdout)}


def _stand_in(target: str) -> Iterator[Entry]:
    yield from entries_of(STAND_IN, target, leave_out=NOT_RUN)
    for native in sorted(STAND_IN.glob(f"node_modules/**/{NATIVE}")):
        yield Entry(f"{target}/{native.relative_to(STAND_IN)}", native)
