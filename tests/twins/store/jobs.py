"""The jobs of the store in memory, as encoded text, until they have been kept long enough."""

from collections import deque
from dataclasses import dataclass

from common.jobs import Job, JobChange
from common.store.port import JobMark
from common.store.rules import CHANGES, JOBS_PER_USER, KEEP_CHANGES, milliseconds
from tests.twins.store.parts import OF_A_JOB, Kept, keep


@dataclass(frozen=True, slots=True)
class _Kept:
    """Times are milliseconds: `late_at` of a job that has not ended, `expires_at` of one that has."""

    kept: Kept[Job]
    user: str
    tag: str
    created_at: int
    late_at: int | None
    expires_at: int | None


def _deadline(job: Job) -> int:
    return round(min(job.deadline_at, job.progress_deadline_at) * 1000)


def is_late(job: Job, now: int) -> bool:
    """Whether a job that has not ended is past one of its deadlines."""
    return not job.status.is_ended and _deadline(job) <= now


class KeptJobs:
    """`keep` is milliseconds after a job's end. Not thread-safe: its owner holds the lock."""

    def __init__(self, *, keep: int) -> None:
        self._keep = keep
        self._jobs: dict[str, _Kept] = {}
        self._changes: dict[str, deque[JobChange]] = {}

    def put(self, job: Job) -> None:
        late_at = None if job.status.is_ended else _deadline(job)
        expires_at = None if job.ended_at is None else round(job.ended_at * 1000) + self._keep
        before = self._jobs.get(job.id)
        kept = keep(job, None if before is None else before.kept, OF_A_JOB)
        self._jobs[job.id] = _Kept(kept, job.key.user, job.key.tag, round(job.created_at * 1000), late_at, expires_at)

    def get(self, job_id: str, now: int) -> Job | None:
        kept = self._jobs.get(job_id)
        if kept is None or (kept.expires_at is not None and kept.expires_at <= now):
            return None
        return kept.kept.record

    def require_known(self, job_id: str) -> None:
        """NewerVersion when a newer kanto wrote the job."""
        if (kept := self._jobs.get(job_id)) is not None:
            kept.kept.require_known()

    def keep_change(self, job_id: str, change: JobChange) -> None:
        self._changes.setdefault(job_id, deque(maxlen=CHANGES)).append(change)

    def changes(self, job: Job, now: int) -> tuple[JobChange, ...]:
        """Those that are kept, oldest first."""
        if job.ended_at is not None and milliseconds(job.ended_at) + milliseconds(KEEP_CHANGES) <= now:
            return ()
        return tuple(self._changes.get(job.id, ()))

    def unfinished(self, user: str) -> list[str]:
        """Ids of jobs of the user that have not ended, also of those that should have."""
        return sorted(job_id for job_id, kept in self._jobs.items() if kept.user == user and kept.late_at is not None)

    def deadlines(self) -> list[int]:
        """Those of all jobs that have not ended, in milliseconds."""
        return [kept.late_at for kept in self._jobs.values() if kept.late_at is not None]

    def late(self, now: int) -> list[str]:
        """Ids of jobs past a deadline, the longest overdue first."""
        late = [(kept.late_at, job_id) for job_id, kept in self._jobs.items() if kept.late_at is not None]
        return [job_id for late_at, job_id in sorted(late) if late_at <= now]

    def tag_of(self, job_id: str) -> str:
        return self._jobs[job_id].tag

    def newest_first(self, user: str, now: int, *, after: JobMark | None = None) -> list[str]:
        mine = [
            (kept.created_at, job_id)
            for job_id, kept in self._jobs.items()
            if kept.user == user and (kept.expires_at is None or kept.expires_at > now)
        ]
        mark = None if after is None else (milliseconds(after.created_at), after.job_id)
        return [place[1] for place in sorted(mine, reverse=True) if mark is None or place < mark]

    def trim(self, user: str, now: int) -> None:
        """Drop what has expired, and ended jobs of the user beyond the newest so many."""
        old = self.newest_first(user, now)[JOBS_PER_USER:]
        self._jobs = {
            job_id: kept
            for job_id, kept in self._jobs.items()
            if kept.late_at is not None or not (job_id in old or (kept.expires_at or 0) <= now)
        }
        self._changes = {job_id: kept for job_id, kept in self._changes.items() if job_id in self._jobs}
