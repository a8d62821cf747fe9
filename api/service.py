"""What operations work with: the store and those who guard the event loop from it, gathered in one value."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

from api.gate import Gate
from api.threads import Threads
from api.users import Users
from api.waiters import Waiters
from common.cluster import ClusterKey
from common.errors import StoreUnavailable, TemporaryError
from common.passwords import build_hasher
from common.settings import Settings
from common.store.port import Store

STORE_THREADS = 16
"""Many, since a write waits for the disk, and Redis writes for all who ask at once in one go."""

HASHING_THREADS = 2
"""Each takes a core and 19 MiB while it hashes: more of them only make everybody slower."""

START_WITHIN = 10.0
"""Seconds in a queue for a thread; more than that is refused, so that a crowd does not grow for ever."""


SILENCE = 15.0
"""Seconds without an event after which a comment shows those who listen that the connection lives."""


class Waker(Protocol):
    """Hints a worker at a cluster. May be lost: the due set in the store is the truth."""

    def send(self, key: ClusterKey) -> bool: ...


@dataclass(frozen=True, slots=True)
class Service:
    """`store` and `waker` block, so they are called through `threads`; hashes are made through `hashing`."""

    store: Store
    waker: Waker
    settings: Settings
    threads: Threads
    hashing: Threads
    users: Users
    gate: Gate
    waiters: Waiters
    chance: Random
    version: str
    silence: float = SILENCE

    def random_id(self) -> str:
        """128 bits as 32 hex digits."""
        return f"{self.chance.getrandbits(128):032x}"

    def close(self) -> None:
        self.threads.close()
        self.hashing.close()


def build_service(
    store: Store,
    waker: Waker,
    settings: Settings,
    *,
    chance: Random,
    clock: Callable[[], float],
    version: str,
    read_for: float = 1.0,
    silence: float = SILENCE,
) -> Service:
    """`chance` makes ids, salts and keys: it must be the system's outside of tests. `clock` is monotonic.

    `read_for` is how long one read of events waits, and so how long the process may take to end.
    """
    # A call of the store ends within 2 seconds, so with half a second more nobody waits 3 to hear that it is away.
    threads = Threads(
        "store", count=STORE_THREADS, start_within=START_WITHIN, in_trouble=0.5, late=_not_asked, clock=clock
    )
    hashing = Threads(
        "hashing",
        count=HASHING_THREADS,
        start_within=START_WITHIN,
        in_trouble=START_WITHIN,
        late=_too_busy,
        clock=clock,
    )
    users = Users(build_hasher(), hashing, chance=chance, clock=clock)
    return Service(
        store=store,
        waker=waker,
        settings=settings,
        threads=threads,
        hashing=hashing,
        users=users,
        gate=Gate(store, threads, users, settings),
        waiters=Waiters(store, threads, clock=clock, read_for=read_for),
        chance=chance,
        version=version,
        silence=silence,
    )


def _not_asked() -> StoreUnavailable:
    return StoreUnavailable("kanto could not ask its store in time, and changed nothing")


def _too_busy() -> TemporaryError:
    return TemporaryError(
        "too_busy", "too many requests wait for their token to be checked", action="Try again later", retry_in=10.0
    )
