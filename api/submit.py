"""A change of a spec and its job go into the store together. Blocks: to be called in a thread."""

from collections.abc import Callable
from dataclasses import dataclass

from api.service import Waker
from api.specs import Change, deadlines
from common.cluster import ClusterKey, ClusterSpec
from common.errors import KantoError, NotRebuilt, TemporaryError, UserError
from common.jobs import Job, JobKind
from common.settings import Settings
from common.store.port import ClusterRecord, Refusal, Store, Submission, Submitted

TRIES = 5
"""How often a change is computed anew when the record moved meanwhile."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job that the store holds, and the spec it is to bring about."""

    job: Job
    spec: ClusterSpec


def submission_of(
    change: Change, *, owner_hash: str, version: int | None, job_id: str, request_id: str, settings: Settings
) -> Submission:
    deadline, progress_deadline = deadlines(change.kind, settings)
    return Submission(
        job_id=job_id,
        kind=change.kind,
        spec=change.spec,
        owner_hash=owner_hash,
        expected_version=version,
        deadline=deadline,
        progress_deadline=progress_deadline,
        request_id=request_id,
        restore=change.restore,
        undo=change.undo,
    )


def submit_creation(store: Store, waker: Waker, submission: Submission) -> Accepted | None:
    """The job of a new cluster; None if somebody else has claimed the user's name meanwhile."""
    submitted = store.submit(submission)
    if submitted.refusal is Refusal.TAKEN:
        return None
    job = _job_of(submitted, submission.spec.key)
    waker.send(submission.spec.key)
    return Accepted(job, submission.spec)


def submit_change(store: Store, waker: Waker, key: ClusterKey, make: Callable[[ClusterRecord], Submission]) -> Accepted:
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
                action="Wait for its end: POST job_id to /v0/job tells",
                job=job,
            )
        case Refusal.NOT_REBUILT:
            return NotRebuilt()
        case Refusal.TAKEN:
            return unauthorized()
        case _:
            return no_such_cluster(key)


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


def unauthorized() -> UserError:
    return UserError(
        "unauthorized", "username and token do not belong together", action="Send the token the username began with"
    )
