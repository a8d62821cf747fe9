"""Plays many histories, in as many processes as there are cores, and adds up what came of them."""

import gc
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context

import structlog

from tests.simulation.borders import Violation
from tests.simulation.mutants import SOUND, Mutant
from tests.simulation.plan import Plan, build_plan
from tests.simulation.play import Play

AT_ONCE = 20
"""Histories that a process plays before it tells of them."""


@dataclass(frozen=True)
class Result:
    """One history: what was broken, if anything, and the story of it. `counts`: events by kind; `writes` by fate."""

    plan: Plan
    violation: str | None
    story: tuple[str, ...] = ()
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    writes: Counter[str] = field(default_factory=Counter)


def play(plan: Plan, mutant: Mutant = SOUND) -> Result:
    """Nothing of one history is left for the next: the same plan gives the same result in any process."""
    with silence(), uncollected():
        history = Play(plan, mutant)
        violation = None
        try:
            history.run()
        except Violation as broken:
            violation = str(broken)
        except Exception as error:
            violation = f"{type(error).__name__}: {error}"
    return Result(
        plan,
        violation,
        tuple(history.story) if violation is not None else (),
        Counter(history.counts),
        history.clock.now - history.began,
        Counter(history.ledger.counts),
    )


def first_caught(mutant: Mutant) -> Result | None:
    """The first history of a mutant in which a promise is broken, within the seeds that it is given."""
    for seed in range(mutant.seeds):
        result = play(build_plan(seed, mutant.focus), mutant)
        if result.violation is not None:
            return result
    return None


@contextmanager
def silence() -> Iterator[None]:
    """kanto's log is not the subject here, and writing it takes half of the time."""
    before, level = structlog.get_config(), logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL), cache_logger_on_first_use=False
    )
    try:
        yield
    finally:
        structlog.configure(**before)
        logging.disable(level)


@contextmanager
def uncollected() -> Iterator[None]:
    """A history is small and soon over: what it leaves is cleared after it, not looked for all the while."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def play_some(seeds: Iterable[int]) -> list[Result]:
    return [play(build_plan(seed)) for seed in seeds]


def play_many(seeds: range, *, processes: int | None = None) -> Iterator[Result]:
    """In the order of the seeds. One process if `processes` is 1, else as many as there are cores."""
    chunks = [seeds[at : at + AT_ONCE] for at in range(0, len(seeds), AT_ONCE)]
    count = processes or os.cpu_count() or 1
    if count == 1:
        for chunk in chunks:
            yield from play_some(chunk)
        return
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        for results in pool.map(play_some, chunks):
            yield from results
