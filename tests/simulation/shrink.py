"""Makes the story of a broken promise as short as it gets: what can be left out without mending it is left out."""

from tests.simulation.mutants import SOUND, Mutant
from tests.simulation.plan import Plan
from tests.simulation.runs import Result, play

MOST_TRIES = 120


def shrink(result: Result, mutant: Mutant = SOUND) -> Result:
    """The shortest plan found that breaks a promise still, within so many tries."""
    tries, best = 0, result
    is_shorter = True
    while is_shorter and tries < MOST_TRIES:
        is_shorter = False
        for plan in simpler(best.plan):
            tries += 1
            found = play(plan, mutant)
            if found.violation is not None:
                best, is_shorter = found, True
                break
            if tries >= MOST_TRIES:
                break
    return best


def simpler(plan: Plan) -> list[Plan]:
    """Halves first, then without one event, the last first."""
    events = plan.events
    half = len(events) // 2
    halves = [events[:half], events[half:]] if len(events) > 3 else []
    singles = [(*events[:n], *events[n + 1 :]) for n in reversed(range(len(events)))]
    return [plan.with_events(tuple(kept)) for kept in (*halves, *singles)]
