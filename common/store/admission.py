"""What the api asks of the store before anything else: whether a caller may ask at all, and what a request counts."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Window:
    """At most `most` of what `name` counts in each span of `seconds`. Spans begin at multiples of their length."""

    name: str
    most: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Full:
    """A window that was full, and in how many seconds the next one begins."""

    name: str
    retry_in: float


@dataclass(frozen=True, slots=True)
class Knock:
    """A request before it is looked at. `proved` is the hash that the caller's token was proved by lately, if any.

    `callers` are counted in any case, `users` only if `proved` still is the user's, so that no stranger uses up what is
    the user's. `refusals` were counted by refused logins; they hold back whoever is not proved.
    """

    user: str
    proved: str | None = field(default=None, repr=False)
    callers: tuple[Window, ...] = ()
    users: tuple[Window, ...] = ()
    refusals: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Admission:
    """`owner_hash` as the store's `owner_hash` gives it; `full` for a caller who has to come back later."""

    owner_hash: str | None = field(repr=False)
    full: Full | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What one user may have: clusters, instances in all of them, and jobs that have not ended. None: no limit."""

    clusters: int | None = None
    instances: int | None = None
    jobs: int | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Once:
    """An idempotency key and the mark of the request that it stands for: a keyed hash without secrets (hazards H27)."""

    name: str
    salt: str
    mark: str


@dataclass(frozen=True, slots=True)
class User:
    """A user as an operator sees one. `clusters` counts those that are not gone."""

    name: str
    is_disabled: bool
    clusters: int
