"""Asks a lab's supervisor to stop and start single parts. Works from inside `lab exec` as well."""

import os
import socket

from dev.kubernetes.lab.place import LabError, Place

VERBS = {
    "stop": "SIGKILL, and it stays down",
    "start": "again, after stop",
    "restart": "SIGKILL, and a new one at once",
    "hold": "SIGSTOP: it keeps its connections and does not answer",
    "release": "SIGCONT, after hold",
}
SECONDS = 20


def ask(place: Place, *words: str) -> str:
    """The supervisor's answer; LabError when there is none, or when it is a refusal."""
    try:
        folder = os.open(place.folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise LabError(f"no lab is up in {place.folder}") from error
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(SECONDS)
            connection.connect(f"/proc/self/fd/{folder}/{place.control.name}")  # a path of any length (unix(7))
            connection.sendall(" ".join(words).encode())
            answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    except OSError as error:
        raise LabError(f"the lab in {place.folder} does not answer: {error.strerror or error}") from error
    finally:
        os.close(folder)
    if answer.startswith("error: "):
        raise LabError(answer.removeprefix("error: "))
    return answer
