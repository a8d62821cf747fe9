"""The ring: which instance replicates to which. Pure, and the same for the same set of names."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple


class Link(NamedTuple):
    """An ordered pair of instance names: source writes to target."""

    source: str
    target: str


class Wanted(NamedTuple):
    """One database over one link: a document in the source's `_replicator`."""

    source: str
    target: str
    database: str


def ordinal(name: str) -> tuple[int, str]:
    """Sort key of an instance's name: -2 before -10."""
    head, _, tail = name.rpartition("-")
    return (int(tail), head) if tail.isdecimal() else (0, name)


def links(names: Iterable[str]) -> frozenset[Link]:
    """n names in order make n links, two make two, one makes none."""
    return _links(tuple(names))


@lru_cache(maxsize=64)
def _links(names: tuple[str, ...]) -> frozenset[Link]:
    """Asked for at each look, and mostly of the same names."""
    ring = sorted(set(names), key=ordinal)
    if len(ring) < 2:
        return frozenset()
    return frozenset(Link(a, b) for a, b in pairwise([*ring, ring[0]]))


def replications(of: Iterable[Link], databases: Sequence[str]) -> frozenset[Wanted]:
    return _replications(frozenset(of), tuple(databases))


@lru_cache(maxsize=64)
def _replications(of: frozenset[Link], databases: tuple[str, ...]) -> frozenset[Wanted]:
    return frozenset(Wanted(link.source, link.target, database) for link in of for database in databases)
