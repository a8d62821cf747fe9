"""What both stores agree on beyond the protocol: numbers, and the words in which a job's end is told."""

import re
from collections.abc import Iterable

from common.cluster import ClusterKey, MirrorRecord
from common.errors import NewerVersion, PermanentError, UserError
from common.jobs import Job, JobError, JobKind
from common.store.port import ClusterRecord

HORIZON = 3600.0
"""Seconds. A due time or a lease further away than this was set by another clock, and counts as over (hazards H19)."""

WORKER_SEEN = 30.0
"""Seconds for which a worker counts after its last claim."""

RETRY_TAKEN = 0.5
"""Seconds after which a cluster is due again whose lease was taken."""

RETRY_NEWER = 1.0
"""Seconds after which a cluster is due again that a newer kanto's worker has to take."""

JOBS_PER_USER = 1000
"""Ended jobs beyond the newest so many of a user are forgotten early."""

LATE_PER_CLAIM = 100
"""How many jobs past their deadline one claim ends, so that no claim takes long."""

EVENTS = 10_000
"""About how many events are kept."""

EVENTS_AT_ONCE = 1000

CHANGES = 200
"""How many changes of one job are kept for those who listen; one who has seen less gets the whole state instead."""

KEEP_CHANGES = 3600.0
"""Seconds for which they are kept after the job's end, and no longer than the job."""

STEPS = 50
"""How many steps of one cluster are kept: those that did or met something else than the one before."""

ONCE_FOR = 24 * 3600.0
"""Seconds for which an idempotency key answers for its request."""

EVENTS_BLOCK = 1.5
"""Seconds that a read of events blocks at most: below the socket's timeout, or silence would look like a dead server.
"""

FIRST_EVENT = "0-0"

_EVENT_ID = re.compile(r"[0-9]{1,15}(-[0-9]{1,15})?")

_AFTERWARDS = {
    JobKind.CREATE: "kanto goes on making it: ask for its detail, or delete it",
    JobKind.SCALE: "kanto goes on: ask for its detail, or scale again",
    JobKind.REPLICATE: "kanto goes on: ask for its detail",
    JobKind.UNREPLICATE: "The databases stay off the saved list. With drop=1, ask again when all instances answer",
    JobKind.PASSWORD: "kanto goes on: an instance that could not be reached takes the new password once it answers",
    JobKind.DELETE: "The cluster stays deleted and kanto goes on removing what is left",
}


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def event_number(event_id: str) -> tuple[int, int]:
    """What orders events: milliseconds and a count. ValueError for what is no id of an event."""
    if not _EVENT_ID.fullmatch(event_id):
        raise ValueError("an event id is two numbers with a dash between them")
    since, _, sequence = event_id.partition("-")
    return int(since), int(sequence or 0)


def deadline_error(job: Job) -> JobError:
    """Why a job that ended at its deadline failed, from what it was last seen to wait for. Its `ended_at` is set.

    It is told when the job is read: what ends a job at its deadline must not be able to raise (hazards H24).
    """
    is_whole = job.ended_at is not None and job.ended_at >= job.deadline_at
    how = "was not done by its deadline" if is_whole else "made no progress for too long"
    last = "; ".join(reason.text for reason in job.reasons) or job.step or "no worker has begun it"
    after = _AFTERWARDS[job.kind]
    if job.restore is not None and job.kind is not JobKind.UNREPLICATE:
        after = "The cluster goes back to what it was before"
        after += ". Mend what is in the way, or send force=1 to let an instance go without a proof"
    return JobError("deadline", f"{job.kind} of {job.key.tag} {how}; the last that was seen: {last}", after)


def superseded_error(job: Job) -> JobError:
    """Why a job was canceled by a delete of its cluster."""
    return JobError("superseded", f"{job.kind} of {job.key.tag} was ended by a delete of the cluster", "Nothing to do")


def canceled_error(job: Job) -> JobError:
    """How a job ended that its user canceled."""
    after = "The cluster is removed" if job.kind is JobKind.CREATE else "The cluster goes back to what it was before"
    return JobError("canceled", f"{job.kind} of {job.key.tag} was canceled", after)


def newer_cluster(key: ClusterKey) -> NewerVersion:
    return NewerVersion(f"a newer kanto than this one wrote the record of {key}, or its job")


def newer_clusters(user: str, tags: Iterable[str]) -> NewerVersion:
    return NewerVersion(f"a newer kanto than this one wrote the records of {user}: {', '.join(tags)}")


def is_conflict(stored: ClusterRecord, mirror: MirrorRecord) -> bool:
    """Whether Redis and the platform hold different things under one version (hazards H21).

    What `decide` remembers is no part of it: of that, the one with the higher fencing number is newer.
    """
    if stored.version != mirror.version:
        return False
    return stored.spec != mirror.spec or stored.owner_hash != mirror.owner_hash


def mirror_conflict(mirror: MirrorRecord) -> PermanentError:
    return PermanentError(
        "mirror_conflict",
        f"the platform and Redis hold different specs of {mirror.spec.key} under version {mirror.version}",
        action="Correct one of the two by hand",
    )


def no_such_user(user: str) -> UserError:
    return UserError("no_such_user", f"there is no user {user}", action="kanto users list shows all")


def user_exists(user: str) -> UserError:
    return UserError(
        "user_exists", f"there is a user {user} already", action="kanto users token gives another token to one"
    )


def user_has_clusters(user: str, tags: Iterable[str]) -> UserError:
    """Also while one is forgotten: it is removed again for five minutes after it went (hazards H18)."""
    return UserError(
        "user_has_clusters",
        f"{user} has clusters that are there, or went less than five minutes ago: {', '.join(tags)}",
        action="Delete them first, and wait; or disable the user",
    )
