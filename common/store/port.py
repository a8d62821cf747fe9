"""The store's protocol: a method is one atomic command. Redis and the twin pass one contract suite (hazards H20).

Rules that every implementation keeps:

- One command is one transaction. Every write is idempotent by job id, incarnation or fencing number, so that one
  whose answer was lost may be repeated.
- Times are the store's own clock (Redis TIME), in Unix seconds; callers give durations (hazards H19).
- Spec versions and fencing numbers come from one counter, max(last + 1, now in ms), that is never deleted (hazards
  H21).
- A write of a cluster record passes only with the last issued fencing number, else LeaseLost.
- A command that cannot be carried out because the server does not answer raises StoreUnavailable, within 3 seconds.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from common.cluster import ClusterKey, ClusterSpec, Durable, MirrorRecord
from common.jobs import Job, JobChange, JobError, JobKind, JobStatus, Progress
from common.store.admission import NO_LIMITS, Admission, Full, Knock, Limits, Once, User, Window
from common.store.survey import Survey
from common.view import ClusterView, Conflicts, Reason


@dataclass(frozen=True, slots=True)
class ClusterRecord:
    """A cluster as it is kept. `memory` is `decide`'s, opaque here; `job` the unfinished job's id.

    `owner_hash` and `is_disabled` are its owner's.

    `gone` says that a deleted cluster has been removed: it is kept due a while and removed again (hazards H18),
    and for users it does not exist.
    """

    spec: ClusterSpec
    version: int
    owner_hash: str = field(repr=False)
    memory: str = ""
    durable: Durable = Durable()
    view: ClusterView | None = None
    job: str | None = None
    gone: bool = False
    conflicts: Conflicts | None = None
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class Submission:
    """A request: the new spec and its job, to be stored together.

    `expected_version` is the version of the record the new spec was computed from, None for create.
    `owner_hash` is the argon2id string of the user's token: create stores it if the user is new (enrolment).
    `restore` is the former spec, for a job whose failure brings it back (hazards H23); `undo` the spec that a cancel
    brings back. Of a delete that ends a job with a `restore`, that one is what a cancel of the delete brings back.
    `deadline` and `progress_deadline` are seconds from now. `limits` are not asked for a delete, nor for what makes the
    user's share no bigger. With `once`, a second request of that name is told of the first for 24 hours.
    """

    job_id: str
    kind: JobKind
    spec: ClusterSpec
    owner_hash: str = field(repr=False)
    expected_version: int | None
    deadline: float
    progress_deadline: float
    request_id: str = ""
    restore: ClusterSpec | None = None
    undo: ClusterSpec | None = None
    limits: Limits = NO_LIMITS
    once: Once | None = None


class Refusal(StrEnum):
    """Why a submission or a cancel changed nothing."""

    EXISTS = "exists"  # create of a cluster that exists
    MISSING = "missing"  # any other operation of one that does not, or that is being deleted
    BUSY = "busy"  # another job of this cluster has not ended; delete supersedes it instead
    STALE = "stale"  # the record moved since it was read: read again and compute again
    TAKEN = "taken"  # create by a user name that another token has claimed meanwhile
    NOT_REBUILT = "not_rebuilt"  # hazards H22
    TOO_MANY_CLUSTERS = "too_many_clusters"  # the user's limits
    TOO_MANY_INSTANCES = "too_many_instances"
    TOO_MANY_JOBS = "too_many_jobs"
    ENDED = "ended"  # cancel of a job that has ended
    SEALED = "sealed"  # cancel of a job from which there is no way back


@dataclass(frozen=True, slots=True)
class Remembered:
    """A request that was taken before under an idempotency key: its mark, the spec that its job is to bring about.

    `job` is as it is now; None for one that is not kept any more.
    """

    once: Once
    spec: ClusterSpec
    job: Job | None


@dataclass(frozen=True, slots=True)
class Submitted:
    """The outcome: a job, or why not (`job` is then the running job's for BUSY), or what was `remembered` instead."""

    job: Job | None
    refusal: Refusal | None = None
    remembered: Remembered | None = None


@dataclass(frozen=True, slots=True)
class JobMark:
    """A place in a user's jobs: after the job that was created at `created_at` and has this id."""

    created_at: float
    job_id: str


@dataclass(frozen=True, slots=True)
class JobLog:
    """A job and its changes after a revision, oldest first, up to the job's own. `is_whole` unless some are missing."""

    job: Job
    changes: tuple[JobChange, ...]
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """A user's clusters, by tag. `newer`: tags of those whose records only a newer kanto may read."""

    records: tuple[ClusterRecord, ...]
    newer: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one cluster until `ttl` seconds after the acquire began, on the holder's monotonic clock.

    `now` is the store's time at the acquire; `wake_seen` the wake counter then (hazards H19). `is_to_count`: somebody
    waits for a count of conflicts.
    """

    key: ClusterKey
    owner: str
    fence: int
    ttl: float
    now: float
    wake_seen: int
    record: ClusterRecord
    job: Job | None
    is_to_count: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step leaves behind. None leaves the stored value as it is.

    `due_in` is seconds from now; the cluster is due at once instead when it was woken since the lease began. `ended`
    ends the job (SUCCEEDED with the view as its result, FAILED with `error`); FAILED restores the job's `restore`.
    `conflicts` are what somebody waited for. `seals` says that the job can be canceled no more; a spec that moved
    meanwhile lets it pass, so `check` comes after.
    `progressed` moves the job's progress deadline by `progress_window` seconds. `gone` turns the record into one that
    users no longer see and that is forgotten `gone_for` seconds later.
    """

    due_in: float
    memory: str | None = None
    durable: Durable | None = None
    view: ClusterView | None = None
    step: str | None = None
    progress: Progress | None = None
    reasons: tuple[Reason, ...] | None = None
    progressed: bool = False
    progress_window: float = 600.0
    ended: JobStatus | None = None
    error: JobError | None = None
    gone: bool = False
    gone_for: float = 300.0
    seals: bool = False
    conflicts: Conflicts | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """`keys` are due and were pushed ahead by a lease length.

    `next_in` is when something is due next, None if nothing.
    """

    keys: tuple[ClusterKey, ...]
    next_in: float | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something changed: a job (step, progress or end) or the view of a cluster (a fresh look). `id` orders them."""

    id: str
    key: ClusterKey
    job: str | None
    ended: bool


@dataclass(frozen=True, slots=True)
class PastStep:
    """What a step did or met, as a job would tell it: at `at` (Unix seconds), by the worker `owner` under `fence`."""

    at: float
    owner: str
    fence: int
    step: str
    reasons: tuple[Reason, ...]


class Store(Protocol):
    """See the module. Methods may be called from many threads."""

    # what the api does

    def submit(self, submission: Submission) -> Submitted:
        """Store the spec and its job, make the cluster due now and count a wake.

        Delete ends a running job as superseded.

        A job id that is known already changes nothing and answers as the first time. So does an idempotency key that is
        known already, with what is remembered, before anything is refused. A delete of a cluster whose delete still
        runs is BUSY with that job, for which its key stands then; after one that failed, it is a new job.
        """
        ...

    def remembered(self, user: str, once: str) -> Remembered | None:
        """The request that the user's idempotency key of this name stands for, for 24 hours."""
        ...

    def admit(self, knock: Knock) -> Admission:
        """Count a request and give what proves its caller, in one transaction. NotRebuilt before the first rebuild."""
        ...

    def hit(self, windows: Iterable[Window]) -> Full | None:
        """Count in each of the windows; the one that is full for longest, if any."""
        ...

    def cancel(self, user: str, job_id: str) -> Submitted:
        """End the user's job as canceled and bring its `undo` back, as a new version: the cluster is due now.

        MISSING for no such job of this user; ENDED, with the job, for one that has ended; SEALED, with the job, for one
        that has no way back. A step that is under way hears of it from its next `check`.
        """
        ...

    def owner_hash(self, user: str) -> str | None:
        """The argon2id string of the user's token; None for a user nobody claimed, and for a disabled one.

        NotRebuilt before the first rebuild.
        """
        ...

    def cluster(self, key: ClusterKey) -> ClusterRecord | None:
        """None as well for a cluster that is gone."""
        ...

    def clusters(self, user: str) -> tuple[ClusterRecord, ...]:
        """The user's clusters by tag, without those that are gone; NewerVersion if one is not this kanto's to read."""
        ...

    def listing(self, user: str) -> Listing:
        """As `clusters`, but one that is not this kanto's to read does not hide the others."""
        ...

    def job(self, job_id: str) -> Job | None:
        """The job; one past its deadline is ended here as well as in `claim` (hazards H24)."""
        ...

    def jobs(
        self,
        user: str,
        *,
        limit: int = 100,
        after: JobMark | None = None,
        tag: str | None = None,
        statuses: Collection[JobStatus] = (),
    ) -> tuple[Job, ...]:
        """The user's jobs that are still kept, newest first, from a mark on; of one tag and some statuses if named."""
        ...

    def changes(self, job_id: str, *, after: int) -> JobLog | None:
        """The job and its changes after revision `after`, read together.

        The last 200 are kept, until an hour after its end. Whoever asks for a revision that is not there yet, or whose
        changes are gone, gets a log that is not whole.
        """
        ...

    def wake(self, key: ClusterKey, due_in: float = 0.0, *, count_within: float = 0.0) -> None:
        """Make a cluster due no later than `due_in` seconds from now. Nothing if it does not exist.

        With `due_in` 0 it also counts a wake, so that a step that is under way is followed by another. A step that
        begins no later than `count_within` seconds from now is asked to count conflicts, until one has.
        """
        ...

    def events(self, after: str, *, block: float) -> tuple[Event, ...]:
        """Events after id `after`, oldest first, waiting up to `block` seconds (at most 2) for the first.

        The stream is capped: a reader that fell far behind misses some, so it also looks at what it waits for now and
        then.
        """
        ...

    def newest_event(self) -> str:
        """The id after which to read on from now."""
        ...

    def now(self) -> float:
        """The store's time: what a view's age is counted against, since only this clock wrote it (hazards H19)."""
        ...

    def workers(self) -> int:
        """How many workers have claimed within the last 30 seconds."""
        ...

    def survey(self) -> Survey:
        """All clusters but gone ones, and what can be counted: read piece by piece, so not of one moment."""
        ...

    # what the worker does

    def claim(self, worker: str, *, limit: int, lease: float) -> Claim:
        """Take what is due, push each `lease` seconds ahead, and note that the worker lives.

        Ends jobs past their deadline first (hazards H24). Dues further away than an hour count as due (hazards H19).
        """
        ...

    def acquire(self, key: ClusterKey, owner: str, *, ttl: float) -> Lease | None:
        """A lease with a new fencing number, or None.

        Taken by another (the cluster is then due again in half a second), or no such cluster. Marks a queued job as
        running. Pushes the due time `ttl` ahead. NewerVersion, and no lease, when a newer kanto wrote any of
        the record or its job: then it is due again in a second.
        """
        ...

    def renew(self, lease: Lease) -> None:
        """Extend by the lease's ttl; LeaseLost when it is another's."""
        ...

    def check(self, lease: Lease) -> None:
        """LeaseLost unless the lease is still this one's and the spec version is the one it was given (hazards H18)."""
        ...

    def save(self, lease: Lease, outcome: Outcome) -> None:
        """As `release`, but the lease and the due time stay. LeaseLost when it is another's. Does not end jobs."""
        ...

    def release(self, lease: Lease, outcome: Outcome) -> None:
        """Write, set the due time, end the job if said, give the lease back: all or nothing.

        LeaseLost when it is another's.

        If the spec's version moved meanwhile, `ended`, `gone` and `durable` are ignored and the cluster is due at once.
        """
        ...

    # what an operator does

    def users(self) -> tuple[User, ...]:
        """All of them, by name."""
        ...

    def add_user(self, user: str, owner_hash: str) -> None:
        """UserError `user_exists` for a name that is taken. NotRebuilt before the first rebuild."""
        ...

    def give_token(self, user: str, owner_hash: str, admin_line: str) -> None:
        """Another token from now on, of which `admin_line` is made for databases.

        In one transaction it becomes the login of the user's clusters that have no password of their own, also in what
        the end of a job may bring back. The versions of all move, so that their mirrors learn of it. UserError
        `no_such_user`; NotRebuilt before the first rebuild; TemporaryError `contended`, with nothing changed.
        """
        ...

    def disable_user(self, user: str, *, disabled: bool) -> None:
        """From now on nobody is this user, or somebody is again. Clusters stay. UserError `no_such_user`.

        Where that changes anything the versions of the user's clusters move, so that their mirrors learn of it.
        """
        ...

    def remove_user(self, user: str) -> None:
        """The name is free again. UserError `no_such_user`, or `user_has_clusters`, which names them.

        Clusters that went less than five minutes ago count. NotRebuilt before the first rebuild.
        """
        ...

    def steps(self, key: ClusterKey) -> tuple[PastStep, ...]:
        """The cluster's steps that did or met something else than the one before: the last 50 of them, oldest first.

        They go with the cluster, and a new one of its name begins without any.
        """
        ...

    # the first start

    def hold_role(self, name: str, owner: str, *, ttl: float) -> bool:
        """Whether this role is the owner's for `ttl` seconds from now: one worker at a time has it.

        Asking again extends it. With `ttl` 0 the owner gives it back, and has it no more.
        """
        ...

    def is_rebuilt(self) -> bool:
        """Whether this Redis has been filled from the platform since it was last empty (hazards H22)."""
        ...

    def rebuild(self, records: Iterable[MirrorRecord]) -> tuple[ClusterKey, ...]:
        """Take in what the platform carries, then mark this Redis as rebuilt. Gives the clusters in conflict.

        A record with a higher version than the stored one replaces it; a lower one is left. One of an equal version
        with other content is a conflict, which is for people: of its cluster nothing changes, and it keeps no other
        from being taken in (hazards H21). Counters never go below what was taken in. All but those in conflict are due.
        """
        ...
