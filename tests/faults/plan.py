"""Which faults happen, when and for how long: chosen by one seed. Pure."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "kill a worker",
    "hold a worker still",
    "kill an instance",
    "hold an instance still",
    "kill Redis",
    "kill the api",
    "kill the balancer",
    "cut a link",
    "cut an instance off",
]

WEIGHTS: Mapping[Kind, int] = {
    "kill a worker": 5,
    "hold a worker still": 4,
    "kill an instance": 4,
    "hold an instance still": 2,
    "kill Redis": 2,
    "kill the api": 2,
    "kill the balancer": 1,
    "cut a link": 3,
    "cut an instance off": 2,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """`after` seconds of quiet, then this, for `lasting` seconds where it lasts.

    `who` in 0..1 chooses among those that there are then. `is_silent`: a cut loses packets instead of refusing.
    """

    kind: Kind
    after: float
    lasting: float
    who: float
    is_silent: bool


def faults(seed: int, *, lease: float, bridge_after: float, pause: float) -> Iterator[Fault]:
    """One after another without end, each kind once before any comes twice. `pause`: the mean time between two.

    A cut lasts longer than it takes to bridge; a process is held still for less than a lease or for more.
    """
    chance = random.Random(seed)
    first = list(WEIGHTS)
    chance.shuffle(first)
    while True:
        kind = first.pop() if first else chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        is_cut = kind.startswith("cut")
        least, most = (bridge_after * 1.2, bridge_after * 2) if is_cut else (0.2 * lease, 2 * lease)
        yield Fault(
            kind=kind,
            after=min(chance.expovariate(1 / pause), 3 * pause),
            lasting=chance.uniform(least, most),
            who=chance.random(),
            is_silent=chance.random() < 0.5,
        )
