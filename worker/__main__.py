"""`python -m worker`: a worker process. `... instances`: a host of instances. `... stop`: end those of this home."""

import sys

from common.environment import WrongSettings, load
from common.errors import PermanentError
from common.settings import Settings
from worker import main


def run(arguments: list[str]) -> int:
    """The exit code: 0 when all went well, 2 for an unknown argument or a setting that makes no sense."""
    try:
        settings = load(Settings)
    except WrongSettings as wrong:
        sys.stderr.write(f"kanto: {wrong}\n")
        return 2
    try:
        return act(arguments, settings)
    except PermanentError as error:
        sys.stderr.write(f"kanto: {error.detail}\n")
        return 2


def act(arguments: list[str], settings: Settings) -> int:
    match arguments:
        case []:
            return main.serve(settings)
        case ["instances"]:
            return main.host(settings)
        case ["stop"]:
            return main.stop(settings)
        case _:
            sys.stderr.write("usage: python -m worker [instances|stop]\n")
            return 2


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
