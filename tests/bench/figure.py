"""A figure of the bench: kanto's measurements, those of its floor, and the goal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Goal:
    """What the ratio should be: at most, or at least, so much."""

    limit: float
    is_upper: bool

    def is_met(self, ratio: float) -> bool:
        return ratio <= self.limit if self.is_upper else ratio >= self.limit

    def __str__(self) -> str:
        return f"{'at most' if self.is_upper else 'at least'} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """`ratio` is kanto's median by the floor's, or the other way round where `is_inverse` (so many times as fast)."""

    name: str
    unit: str
    kanto: Sequence[float]
    floor_name: str = ""
    floor: Sequence[float] = ()
    goal: Goal | None = None
    is_inverse: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        if not self.floor:
            return None
        ours, theirs = median(self.kanto), median(self.floor)
        return theirs / ours if self.is_inverse else ours / theirs

    def as_json(self) -> dict[str, Any]:
        ratio = self.ratio
        return {
            "name": self.name,
            "unit": self.unit,
            "kanto": [_short(value) for value in self.kanto],
            "floor": {"name": self.floor_name, "values": [_short(value) for value in self.floor]}
            if self.floor
            else None,
            "ratio": None if ratio is None else _short(ratio),
            "goal": None if self.goal is None else str(self.goal),
            "met": None if self.goal is None or ratio is None else self.goal.is_met(ratio),
            "note": self.note,
        }


def at_most(limit: float) -> Goal:
    return Goal(limit, is_upper=True)


def at_least(limit: float) -> Goal:
    return Goal(limit, is_upper=False)


def percentile(values: Iterable[float], part: float) -> float:
    """The value that `part` (0 to 1) of all are at or below."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]


def _short(value: float) -> float:
    return float(f"{value:.4g}")
