"""How long a step and each of its calls may take, bound to the lease that it is taken under (hazards H18).

A lease is renewed each third of its length, so when a call begins at least two thirds of it are left: no call takes
longer.
"""

from dataclasses import dataclass
from typing import Self

BOUND = 2 / 3
"""Of a lease: what is surely left of one that is renewed."""

STEP = 6.0
LOOK = 5.0
COMMAND = 8.0
PIECE = 4.0
CONNECT, READ = 2.0, 4.0
"""Seconds where the lease is long enough: 12 s, and 15 is what people have."""


@dataclass(frozen=True, slots=True)
class Times:
    """In seconds.

    `step`: a step that is older begins no further round. `look`: to see all instances. `command`: any one call that
    changes something. `piece`: what is done piece by piece, of a drain or of a count. `connect` and `read`: the two
    parts of one call to the API server of Kubernetes.
    """

    step: float = STEP
    look: float = LOOK
    command: float = COMMAND
    piece: float = PIECE
    connect: float = CONNECT
    read: float = READ

    @classmethod
    def within(cls, lease: float) -> Self:
        """The usual times, or as much of them as fits into a lease of so many seconds."""
        longest = lease * BOUND
        command = min(COMMAND, longest)
        return cls(
            step=min(STEP, lease - command),
            look=min(LOOK, longest),
            command=command,
            piece=min(PIECE, longest),
            connect=min(CONNECT, lease - longest),
            read=min(READ, longest),
        )
