"""The plan of one history, all of it from one seed: what users do and what befalls, each at its time and place."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from tests.simulation.faults import FAULTS
from tests.simulation.users import ACTIONS, Action

GAPS = ((0.05, 0.6), (0.5, 4.0), (0.5, 4.0), (4.0, 20.0), (30.0, 90.0))
"""Seconds between two events: some fall into one step, some into one job, some into different ones."""

IN_A_STEP = 0.5
"""So often an event waits for a step, and happens between two of its calls."""

MOST_CALLS = (20, 120, 500)
"""At the last so many calls of ports after its time: soon, within a short job, within a scale-down."""


CALLS = (
    *("acquire", "check", "save", "release", "claim", "mirror", "provision", "serve", "retire", "remove", "observe"),
    *("create_databases", "put_replications", "delete_replications", "put_fills", "fence", "drain", "verify"),
)
"""Calls of ports at which the most can go wrong."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something at `at` virtual seconds. With `calls`: in the middle of a step, at that call of a port from then on.

    `name`: only calls of this name count.

    `roll` is its own seed, so that what it does does not change when others are left out.
    """

    at: float
    kind: str
    roll: int
    calls: int = 0
    name: str = ""

    def __str__(self) -> str:
        return f"{self.at:.2f} {self.kind}" + (f" at call {self.calls} {self.name}" if self.calls else "")


@dataclass(frozen=True, slots=True)
class Plan:
    """`notice_after` and `tries_for` are in ticks of the servers, `batch` and `page` in revisions: see `World`."""

    seed: int
    replicas: int
    spawner: Literal["process", "deployment"]
    notice_after: int
    batch: int
    page: int
    events: tuple[Event, ...]
    tries_for: int = 0

    def with_events(self, events: tuple[Event, ...]) -> "Plan":
        return replace(self, events=events)


def build_plan(seed: int, focus: tuple[str, ...] = ()) -> Plan:
    """A few kinds of faults a history and not all: many of one kind meet deeper states than one of each.

    `focus`: only these kinds, of faults and of what users do.
    """
    random = Random(seed)
    faults = random.sample(sorted(FAULTS), k=random.choice((1, 2, 2, 3, 4)))
    actions = dict(ACTIONS)
    if focus:
        faults = [kind for kind in focus if kind in FAULTS]
        actions = {kind: ACTIONS[kind] for kind in focus if kind in ACTIONS}
    events = []
    at = random.choice((0.0, 0.3, 6.0, 6.0, 6.0))
    for _ in range(random.randint(3, 9)):
        kind = choose(random, actions, faults)
        calls, name = choose_place(random) if is_in_a_step(random, kind) else (0, "")
        events.append(Event(round(at, 3), kind, random.getrandbits(32), calls, name))
        at += random.uniform(*random.choice(GAPS))
    return Plan(
        seed=seed,
        replicas=random.choice((1, 2, 3, 3, 4)),
        spawner=random.choice(("process", "process", "deployment")),
        notice_after=random.choice((0, 20, 200)),
        batch=random.choice((1, 4, 1000)),
        page=random.choice((3, 20, 1000)),
        events=tuple(events),
        tries_for=random.choice((0, 0, 160)),
    )


def choose(random: Random, actions: Mapping[str, tuple[Action, float]], faults: list[str]) -> str:
    if not faults or random.random() < 0.55:
        return random.choices(list(actions), [weight for _, weight in actions.values()])[0]
    return random.choices(faults, [FAULTS[kind].weight for kind in faults])[0]


def choose_place(random: Random) -> tuple[int, str]:
    """Any call soon or late, or one of the next by name; twice as many as calls, each having a border after it too."""
    if random.random() < 0.35:
        return random.randint(1, 4), random.choice(CALLS)
    return random.randint(1, random.choice(MOST_CALLS)), ""


def is_in_a_step(random: Random, kind: str) -> bool:
    return (kind in FAULTS and FAULTS[kind].strikes) or random.random() < IN_A_STEP
