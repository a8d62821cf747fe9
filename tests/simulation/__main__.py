"""`python -m tests.simulation FIRST LAST`: play the histories of these seeds, and tell each that breaks a promise."""

import logging
import sys
import time
from collections import Counter

import structlog

from tests.simulation.history import History


def main(first: int, last: int) -> int:
    """How many histories broke a promise, at most 255."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began, broken, faults = time.monotonic(), 0, Counter[str]()
    for seed in range(first, last):
        history = History(seed)
        try:
            history.run()
        except AssertionError as error:
            broken += 1
            sys.stdout.write(
                f"seed {seed}: {error}\n" + "\n".join(f"    {line}" for line in history.story[-40:]) + "\n"
            )
        faults.update(history.fate.counts)
    took = time.monotonic() - began
    count = last - first
    sys.stdout.write(f"{count} histories, {broken} broken, {count / took:.2f} a second; {dict(faults)}\n")
    return min(broken, 255)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
