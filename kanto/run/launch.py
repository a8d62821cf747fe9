"""Becomes the program that its arguments name, and ends with the process that started it, on Linux.

Run as a file by a bare interpreter (`python -I -S launch.py PARENT PROGRAM ...`), so it imports nothing of kanto. A
parent that is killed outright cannot end its children; the kernel then does, with SIGTERM.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Ask the kernel, see that the parent did not die meanwhile, and become the program."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(parent):
            sys.exit(1)
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        sys.exit(f"{command[0]} cannot be started: {error.strerror}")


if __name__ == "__main__":
    main()
