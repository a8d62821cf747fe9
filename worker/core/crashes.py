"""Links that crashed a while ago: one that is begun again is not said to run before it shows that it does. Pure.

A replication is called `running` from the moment at which CouchDB begins it, while it still asks for its target (six
times within some 16 s). So a link that crashes again and again would be well for a while after each kick.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from worker.core.memory import Crash, Memory
from worker.core.observed import Replication
from worker.core.ring import Wanted
from worker.core.situation import Situation, replication_key

LONGEST = 600.0
"""Seconds after which a link that runs is believed, whatever was."""

LONGEST_WHY = 200
"""Characters of what CouchDB said of a crash that are remembered."""


def noticed(s: Situation) -> Memory:
    """Whoever crashes is remembered, until a later run has shown that it reaches its target or has lasted."""
    before = s.memory.crashed
    unseen = s.by_name.keys() - s.nodes.keys()
    kept = {key: crash for key, crash in before.items() if key.split(">")[0] in unseen}
    for wanted, found in s.found.items():
        key = replication_key(wanted)
        known = before.get(key)
        if found.state in ("crashing", "error"):
            kept[key] = crashed(s, key, known, found.error)
        elif known is not None and not is_over(s, found, known):
            kept[key] = replace(known, mark=known.mark or found.through)
    return s.memory.but(crashed=kept)


def crashed(s: Situation, key: str, known: Crash | None, error: str) -> Crash:
    """It is down at this look: for how long it had run, if it had."""
    state, _, told = s.memory.passing.get(key, ("", 0.0))[0].partition(" ")
    why = error[:LONGEST_WHY]
    if known is None:
        return Crash(s.now, mark=told.partition(" ")[0], why=why)  # `progress` begins with `through`
    ran = max(known.ran, s.now - known.at) if state == "running" else known.ran
    return replace(known, at=s.now, ran=ran, why=why or known.why)


def is_over(s: Situation, found: Replication, known: Crash) -> bool:
    """Whether this run has passed something on, or found nothing to pass, or has outlasted the others.

    What it looked at is no sign: into a full disk, say, nothing passes. One that CouchDB begins by itself tells at
    first what it told before, so that only what is new counts.
    """
    if found.state != "running":
        return False
    lasts = min(max(s.policy.start_within, 2 * known.ran), LONGEST)
    has_passed = found.through not in ("", known.mark) if known.mark else bool(found.through) and found.pending == 0
    return has_passed or s.now - known.at >= lasts


def begun_anew(memory: Memory, reached: Mapping[str, str], keys: Collection[str]) -> dict[str, Crash]:
    """The documents of these were written: what they tell from now on is of their new run.

    `reached`: the data for which each was written by now. Where these are others than before, the target is new (it is
    just being started, say), and what crashed before it was there says nothing of the link.
    """
    new = {key for key in keys if reached.get(key) != memory.reached.get(key)}
    return {
        key: replace(crash, mark="") if key in keys else crash
        for key, crash in memory.crashed.items()
        if key not in new
    }


def is_unproved(s: Situation, wanted: Wanted) -> bool:
    """Whether a link that is called running crashed before, and nothing shows yet that it runs now."""
    return replication_key(wanted) in s.memory.crashed


def why_unproved(s: Situation, wanted: Wanted) -> str:
    """Of such a link: what is told of it, with CouchDB's last word on why it crashed."""
    why = s.memory.crashed[replication_key(wanted)].why
    return "crashed and was begun again, and has passed nothing on yet" + (f": {why}" if why else "")
