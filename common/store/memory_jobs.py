"""The jobs of the store in memory, as encoded text, until they have been kept long enough."""

from dataclasses import dataclass

from common.codec import decode, encode
from common.jobs import Job
from common.store.rules import JOBS_PER_USER


@dataclass(frozen=True, slots=True)
class _Kept:
    """Times are milliseconds: `late_at` of a job that has not ended, `expires_at` of one that has."""

    text: str
    user: str
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

    def put(self, job: Job) -> None:
        late_at = None if job.status.is_ended else _deadline(job)
        expires_at = None if job.ended_at is None else round(job.ended_at * 1000) + self._keep
        self._jobs[job.id] = _Kept(encode(job), job.key.user, round(job.created_at * 1000), late_at, expires_at)

    def get(self, job_id: str, now: int) -> Job | None:
        kept = self._jobs.get(job_id)
        if kept is None or (kept.expires_at is not None and kept.expires_at <= now):
            return None
        return decode(Job, kept.text)

    def late(self, now: int) -> list[str]:
        """Ids of jobs past a deadline, the longest overdue first."""
        late = [(kept.late_at, job_id) for job_id, kept in self._jobs.items() if kept.late_at is not None]
        return [job_id for late_at, job_id in sorted(late) if late_at <= now]

    def newest_first(self, user: str, now: int) -> list[str]:
        mine = [
            (kept.created_at, job_id)
            for job_id, kept in self._jobs.items()
            if kept.user == user and (kept.expires_at is None or kept.expires_at > now)
        ]
        return [job_id for _, job_id in sorted(mine, reverse=True)]

    def trim(self, user: str, now: int) -> None:
        """Drop what has expired, and ended jobs of the user beyond the newest so many."""
        old = self.newest_first(user, now)[JOBS_PER_USER:]
        self._jobs = {
            job_id: kept
            for job_id, kept in self._jobs.items()
            if kept.late_at is not None or not (job_id in old or (kept.expires_at or 0) <= now)
        }
