"""`python -m tests.simulation 5000`, `7`..., `100-200`: plays histories, and tells each that breaks a promise, shrunk.

A number alone is how many, from seed 0 on. `n=7` plays the one of seed 7 and tells its story; `a-b` those between.
"""

import os
import sys
import time
from collections import Counter

from tests.simulation.plan import build_plan
from tests.simulation.runs import Result, play, play_many
from tests.simulation.shrink import shrink

TOLD = 5
"""So many broken histories are shrunk and told, the others only counted by their seeds."""


def main(wanted: str) -> int:
    """How many histories broke a promise, at most 100."""
    if wanted.startswith("n="):
        return tell_one(int(wanted.removeprefix("n=")))
    first, _, last = wanted.rpartition("-")
    seeds = range(int(first or 0), int(last))
    cores = os.cpu_count() or 1
    broken: list[Result] = []
    events, writes = Counter[str](), Counter[str]()
    began, seconds, count = time.monotonic(), 0.0, 0
    for result in play_many(seeds):
        count += 1
        seconds += result.seconds
        events.update(result.counts)
        writes.update(result.writes)
        if result.violation is not None:
            broken.append(result)
            if len(broken) <= TOLD:
                say(told(shrink(result)))
    took = time.monotonic() - began
    say(f"{count} histories, {count / took:.1f} a second on {cores} cores ({count / took / cores:.1f} per core);")
    say(f"{seconds / 3600:.1f} hours of virtual time; {len(broken)} broke a promise")
    say("writes: " + listed(writes))
    say("events: " + listed(events))
    if broken:
        say("seeds: " + ", ".join(str(result.plan.seed) for result in broken[:50]))
    return min(len(broken), 100)


def tell_one(seed: int) -> int:
    result = play(build_plan(seed))
    if result.violation is None:
        say(f"seed {seed}: every promise was kept; its plan was")
        say("\n".join(f"    {event}" for event in result.plan.events))
        return 0
    say(told(result))
    say("and shrunk:")
    say(told(shrink(result)))
    return 1


def told(result: Result) -> str:
    story = "\n".join(f"    {line}" for line in result.story[-60:])
    return f"seed {result.plan.seed}: {result.violation}\n{story}"


def listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {times}" for name, times in sorted(counts.items()))


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "1000"))
