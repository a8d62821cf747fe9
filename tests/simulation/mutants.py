"""Deliberate defects, to prove that the simulation can fail: each takes the place of a sound part, in a test only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.simulation.platform import SimulatedPlatform
from tests.twins.couch.adapter import MemoryCouch
from tests.twins.store.store import MemoryStore


@dataclass(frozen=True)
class Mutant:
    """A defect by what it does and the hazard it stands for.

    It is to be caught within `seeds` histories, whose plans have only the kinds in `focus` if there are any. `parts`
    are put in the place of those of that name.
    """

    name: str = "sound"
    hazard: str = ""
    seeds: int = 0
    focus: tuple[str, ...] = ()
    platform: Callable[..., SimulatedPlatform] = SimulatedPlatform
    couch: Callable[..., MemoryCouch] = MemoryCouch
    store: Callable[..., MemoryStore] = MemoryStore
    parts: tuple[tuple[Any, str, Any], ...] = ()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Its parts are in the place of the sound ones, until this ends."""
        before = [(owner, name, getattr(owner, name)) for owner, name, _ in self.parts]
        for owner, name, part in self.parts:
            setattr(owner, name, part)
        try:
            yield
        finally:
            for owner, name, part in before:
                setattr(owner, name, part)


SOUND = Mutant()
