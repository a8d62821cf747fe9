"""A clock that steps backwards takes the remembered times with it: nothing waits for a time to come again. Pure.

Redis's clock is the only one that counts (hazards H19), and it is that of a machine: an operator or NTP can set it
back. One that steps forwards makes pauses end early, which does no harm.
"""

from collections.abc import Mapping
from dataclasses import replace

from worker.core.memory import Memory, Since


def noticed(memory: Memory, now: float) -> Memory:
    """The memory in terms of the clock as it is now: what was 10 s ago at the last look still is, and a bit more."""
    by = memory.looked_at - now
    return (shifted(memory, by) if by > 0 else memory).but(looked_at=now)


def shifted(memory: Memory, by: float) -> Memory:
    """All times `by` seconds earlier."""
    return memory.but(
        unfilled_first_up_at=earlier(memory.unfilled_first_up_at, by),
        states=earlier_since(memory.states, by),
        passing=earlier_since(memory.passing, by),
        down={name: since - by for name, since in memory.down.items()},
        kicks={key: (times, last - by) for key, (times, last) in memory.kicks.items()},
        crashed={key: replace(crash, at=crash.at - by) for key, crash in memory.crashed.items()},
        refusing={name: (times, last - by, why) for name, (times, last, why) in memory.refusing.items()},
        homes={
            identity: replace(home, passed_at=earlier(home.passed_at, by)) for identity, home in memory.homes.items()
        },
        leaving={
            identity: replace(
                notes, withdrawn_at=earlier(notes.withdrawn_at, by), proved_at=earlier(notes.proved_at, by)
            )
            for identity, notes in memory.leaving.items()
        },
        moved_at=memory.moved_at - by,
        security_after=memory.security_after - by,
        provision_after=memory.provision_after - by,
        drain_after=memory.drain_after - by,
        retire_after=memory.retire_after - by,
        remove_after=memory.remove_after - by,
    )


def earlier(at: float | None, by: float) -> float | None:
    return None if at is None else at - by


def earlier_since(known: Mapping[str, Since], by: float) -> dict[str, Since]:
    return {key: (word, since - by) for key, (word, since) in known.items()}
