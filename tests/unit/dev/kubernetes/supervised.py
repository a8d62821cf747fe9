"""A supervisor in a process of its own, as in a lab: `supervised.py FOLDER`."""

import os
import socket
import sys
from pathlib import Path

from dev.kubernetes.lab.supervisor import Supervisor

COMMANDS = {"steady": ["sleep", "1000000"], "other": ["sleep", "1000000"]}


def main(folder: Path) -> None:
    os.chdir(folder)
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    control.bind("control")
    control.listen()
    supervisor = Supervisor(COMMANDS, logs=folder, environment=os.environ)
    for name in COMMANDS:
        supervisor.start(name)
    supervisor.run(control)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
