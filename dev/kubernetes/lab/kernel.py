"""Linux calls that Python 3.11 lacks: namespaces and mounts (unshare(2), setns(2), mount(2), prctl(2))."""

import ctypes
import os
import signal
from pathlib import Path

NEW_MOUNTS, NEW_CGROUPS, NEW_HOST_NAME = 0x20000, 0x02000000, 0x04000000
NEW_IPC, NEW_PIDS, NEW_NETWORK = 0x08000000, 0x20000000, 0x40000000

BIND, RECURSIVE, PRIVATE, SHARED = 1 << 12, 1 << 14, 1 << 18, 1 << 20

PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Go into new namespaces; OSError when that is not allowed."""
    _checked(_libc.unshare(flags), "unshare")


def enter_network(pid: int) -> None:
    """Go into the network namespace of a process; OSError when it has gone."""
    namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _checked(_libc.setns(namespace, NEW_NETWORK), "setns")
    finally:
        os.close(namespace)


def mount(source: str | Path, target: str | Path, kind: str = "none", *, flags: int = 0, data: str = "") -> None:
    """Mount, or OSError that names the target."""
    words = str(source).encode(), str(target).encode(), kind.encode()
    _checked(_libc.mount(*words, flags, data.encode() if data else None), f"mount {target}")


def keep_mounts_to_ourselves() -> None:
    """No mount from here on is seen by those outside of this mount namespace, nor theirs here."""
    mount("none", "/", flags=RECURSIVE | PRIVATE)


def set_host_name(name: str) -> None:
    """Of this namespace."""
    _checked(_libc.sethostname(name.encode(), len(name)), "sethostname")


def die_with(parent: int) -> None:
    """Get SIGKILL when the parent ends, even when it ended before this call."""
    _checked(_libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0), "prctl")
    if os.getppid() != parent:
        os._exit(1)
