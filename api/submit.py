"""A change of a spec and its job go into the store together. Blocks: to be called in a thread."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from api.gate import unauthorized
from api.service import Waker
from common.cluster import ClusterKey, ClusterSpec
from common.errors import KantoError, NotRebuilt, TemporaryError, UserError
from common.jobs import Job, JobKind
from common.settings import Settings
from common.store.admission import Limits
from common.store.port import ClusterRecord, Refusal, Remembered, Store, Submission, Submitted

TRIES = 5
"""How often a change is computed anew when the record moved meanwhile."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job that the store holds, and the spec it is to bring about."""

    job: Job
    spec: ClusterSpec


Outcome: TypeAlias = Accepted | Remembered
"""A job of this request, or what its idempotency key stood for already."""


def limits(settings: Settings) -> Limits:
    """What one user may have; 0 in a setting is no limit."""
    return Limits(settings.limit_clusters or None, settings.limit_instances or None, settings.limit_jobs or None)


def submit_creation(store: Store, waker: Waker, submission: Submission) -> Outcome | None:
    """The job of a new cluster; None if somebody else has claimed the user's name meanwhile."""
    submitted = store.submit(submission)
    if submitted.refusal is Refusal.TAKEN:
        return None
    if submitted.remembered is not None:
        return submitted.remembered
    job = _job_of(submitted, submission.spec.key)
    waker.send(submission.spec.key)
    return Accepted(job, submission.spec)


def submit_change(store: Store, waker: Waker, key: ClusterKey, make: Callable[[ClusterRecord], Submission]) -> Outcome:
    """The job of a change, computed again from what is stored as long as that keeps moving.

    A delete of a cluster whose delete is under way joins that job: it is the same wish.
    """
    for _ in range(TRIES):
        record = store.cluster(key)
        if record is None:
            raise no_such_cluster(key)
        submission = make(record)
        if record.spec.deleted and submission.kind is not JobKind.DELETE:
            raise being_deleted(key)
        submitted = store.submit(submission)
        if submitted.remembered is not None:
            return submitted.remembered
        if submitted.refusal is Refusal.STALE:
            continue
        running = submitted.job
        if (
            submitted.refusal is Refusal.BUSY
            and running is not None
            and running.kind is submission.kind is JobKind.DELETE
        ):
            return Accepted(running, record.spec)
        job = _job_of(submitted, key)
        waker.send(key)
        return Accepted(job, submission.spec)
    raise TemporaryError("contended", f"{key.tag} changed each time it was read", action="Try again in a second")


def _job_of(submitted: Submitted, key: ClusterKey) -> Job:
    if submitted.job is not None and submitted.refusal is None:
        return submitted.job
    raise _error_of(submitted, key)


def _error_of(submitted: Submitted, key: ClusterKey) -> KantoError:
    job = submitted.job.id if submitted.job is not None else None
    match submitted.refusal:
        case Refusal.EXISTS:
            return cluster_exists(key)
        case Refusal.BUSY:
            return UserError(
                "job_running",
                f"another job of cluster {key.tag} has not ended" + (f": {job}" if job else ""),
                action="Wait for its end (POST job_id to /v0/job tells), or cancel it (/v0/cancel)",
                job=job,
            )
        case Refusal.NOT_REBUILT:
            return NotRebuilt()
        case Refusal.TAKEN:
            return unauthorized()
        case Refusal.TOO_MANY_CLUSTERS | Refusal.TOO_MANY_INSTANCES | Refusal.TOO_MANY_JOBS:
            return _over_limit(submitted.refusal)
        case _:
            return no_such_cluster(key)


def _over_limit(refusal: Refusal) -> TemporaryError:
    what, action, retry_in = _LIMITS[refusal]
    return TemporaryError(refusal, f"this would be more {what} than a user may have", action=action, retry_in=retry_in)


_LIMITS = {
    Refusal.TOO_MANY_CLUSTERS: ("clusters", "Delete one that you do not need, or ask the operator for more", 60.0),
    Refusal.TOO_MANY_INSTANCES: ("instances", "Scale a cluster down, or ask the operator for more", 60.0),
    Refusal.TOO_MANY_JOBS: ("jobs that have not ended", "Wait for the end of one", 5.0),
}


def being_deleted(key: ClusterKey) -> UserError:
    return UserError("no_such_cluster", f"cluster {key.tag} is being deleted", action="detail shows how far that is")


def no_such_cluster(key: ClusterKey) -> UserError:
    return UserError("no_such_cluster", f"you have no cluster {key.tag}", action="list shows those you have")


def cluster_exists(key: ClusterKey, *, being_deleted: bool = False) -> UserError:
    if being_deleted:
        return UserError(
            "cluster_exists",
            f"your cluster {key.tag} is being deleted, and is not gone yet",
            action="Try again when detail does not find it any more, or choose another cluster_tag",
        )
    return UserError(
        "cluster_exists",
        f"you have a cluster {key.tag} already",
        action="Choose another cluster_tag, or scale or delete the one you have",
    )
