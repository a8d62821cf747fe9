"""Processes by pid and start, so that one of ours can be told from a stranger with its number (hazards H7).

Standard library only: the launcher imports this in a bare interpreter.
"""

import os
import subprocess
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")


def born(pid: int) -> str | None:
    """Boot id and start time, in words that only compare; None when nothing of that pid runs, or a zombie is left.

    This is the only place that reads /proc (proc(5)); where there is none, `ps` is asked.
    """
    try:
        # The name in parentheses may itself hold spaces and parentheses, so fields count from the last one.
        state, *fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        boot = BOOT.read_text(encoding="ascii").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None if BOOT.exists() else _born_by_ps(pid)
    return None if state in (b"Z", b"X") else f"{boot} {int(fields[18])}"


def _born_by_ps(pid: int) -> str | None:
    try:
        answer = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None


def is_running(pid: int, since: str) -> bool:
    """Whether this pid is the process that was meant, and not a stranger who has its number now."""
    return pid > 0 and pid != os.getpid() and born(pid) == since
