"""`python -m worker`: a worker process. `python -m worker stop`: end all instances of this home and keep their data."""

import sys

from common.settings import Settings
from worker import main


def run(arguments: list[str]) -> int:
    """The exit code: 0 when all went well, 2 for an unknown argument."""
    match arguments:
        case []:
            return main.serve(Settings())
        case ["stop"]:
            return main.stop(Settings())
        case _:
            sys.stderr.write("usage: python -m worker [stop]\n")
            return 2


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
