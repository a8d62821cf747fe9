"""What the store in memory holds, and what all of its commands share: the twin of scripts/prelude.lua."""

from collections import deque
from dataclasses import dataclass, field, replace

from common.cluster import ClusterKey, ClusterSpec
from common.codec import decode
from common.jobs import Job, JobChange, JobError, JobStatus
from common.store.admission import Once
from common.store.port import ClusterRecord, PastStep, Remembered
from common.store.rules import HORIZON, STEPS, canceled_error, deadline_error, milliseconds, superseded_error
from common.store.survey import Ended
from tests.twins.store.events import EventLog
from tests.twins.store.jobs import KeptJobs, is_late
from tests.twins.store.parts import OF_A_CLUSTER, Kept, keep


@dataclass(slots=True)
class KeptCluster:
    """A cluster's record, as encoded text and decoded, and what stands beside it. Times are milliseconds.

    `record` is for what Redis keeps in fields of their own, and so knows of a newer kanto's too; whoever is shown one
    has `require_known` asked first.
    """

    kept: Kept[ClusterRecord]
    fence: int = 0
    lease_until: int | None = None
    released: int = 0
    wake: int = 0
    gone_until: int | None = None
    count_until: int = 0
    steps: deque[PastStep] = field(default_factory=lambda: deque(maxlen=STEPS))

    @classmethod
    def of(cls, record: ClusterRecord, *, fence: int = 0, wake: int = 0) -> "KeptCluster":
        return cls(keep(record, None, OF_A_CLUSTER), fence=fence, wake=wake)

    @property
    def record(self) -> ClusterRecord:
        return self.kept.record

    @record.setter
    def record(self, record: ClusterRecord) -> None:
        self.kept = keep(record, self.kept, OF_A_CLUSTER)

    def is_leased(self, now: int) -> bool:
        return self.lease_until is not None and now < self.lease_until <= now + milliseconds(HORIZON)


@dataclass(frozen=True, slots=True)
class KeptOnce:
    """What an idempotency key stands for until `ends_at`, in milliseconds. `spec` is encoded text."""

    once: Once
    job_id: str
    spec: str
    ends_at: int


class State:
    """All that is kept. Not thread-safe: the store holds the lock. `now` is milliseconds everywhere."""

    def __init__(self, *, keep_jobs: int) -> None:
        self.counter = 0
        self.is_rebuilt = False
        self.owners: dict[str, str] = {}
        self.disabled: set[str] = set()
        self.windows: dict[str, int] = {}
        self.once: dict[tuple[str, str], KeptOnce] = {}
        self.clusters: dict[ClusterKey, KeptCluster] = {}
        self.due: dict[ClusterKey, int] = {}
        self.jobs = KeptJobs(keep=keep_jobs)
        self.ended: dict[tuple[str, str], Ended] = {}
        self.workers: dict[str, int] = {}
        self.roles: dict[str, tuple[str, int]] = {}
        self.events = EventLog()

    def next_number(self, now: int) -> int:
        self.counter = max(self.counter + 1, now)
        return self.counter

    # users

    def login_of(self, user: str) -> str | None:
        """The hash by which a user is known; None for nobody's name and for a disabled user."""
        return None if user in self.disabled else self.owners.get(user)

    def sizes(self, user: str) -> dict[str, int]:
        """How many instances are asked for, by tag of the user's clusters that are not gone."""
        mine = ((key.tag, kept) for key, kept in self.clusters.items() if key.user == user)
        return {tag: kept.record.spec.replicas for tag, kept in mine if kept.gone_until is None}

    def remembered(self, user: str, name: str, now: int) -> Remembered | None:
        kept = self.once.get((user, name))
        if kept is None or kept.ends_at <= now:
            return None
        return Remembered(kept.once, decode(ClusterSpec, kept.spec), self.job(kept.job_id, now))

    # due times

    def due_within(self, key: ClusterKey, at: int) -> None:
        self.due[key] = min(at, self.due.get(key, at))

    def due_keys(self, now: int) -> list[ClusterKey]:
        """What is due, longest first; then what is further away than the horizon."""
        ordered = sorted(self.due.items(), key=lambda item: (item[1], str(item[0])))
        past = [key for key, at in ordered if at <= now]
        return past + [key for key, at in ordered if at > now + milliseconds(HORIZON)]

    def next_in(self, now: int) -> float | None:
        if not self.due:
            return None
        return 0.0 if self.due_keys(now) else (min(self.due.values()) - now) / 1000

    # clusters

    def shown(self, kept: KeptCluster) -> ClusterRecord:
        """The record with what is kept once per user: the hash, and whether the user is disabled."""
        kept.kept.require_known()
        record, user = kept.record, kept.record.spec.user
        known = (self.owners[user], user in self.disabled)
        if (record.owner_hash, record.is_disabled) == known:
            return record
        return replace(record, owner_hash=known[0], is_disabled=known[1])

    def forget_if_over(self, key: ClusterKey, now: int) -> bool:
        """Whether the cluster was gone long enough, and is now forgotten for good."""
        kept = self.clusters[key]
        if kept.gone_until is None or kept.gone_until > now or kept.is_leased(now):
            return False
        del self.clusters[key], self.due[key]
        return True

    # jobs

    def job(self, job_id: str | None, now: int) -> Job | None:
        """The job as it is now: one that is late is ended first."""
        job = None if job_id is None else self.jobs.get(job_id, now)
        return self._end_late(job, now) if job is not None and is_late(job, now) else job

    def unfinished(self, kept: KeptCluster, now: int) -> Job | None:
        job = self.job(kept.record.job, now)
        return None if job is None or job.status.is_ended else job

    def note(self, job: Job, now: int) -> Job:
        """Number a change of a job, and keep it for those who listen."""
        noted = replace(job, revision=job.revision + 1)
        self.jobs.put(noted)
        self.jobs.keep_change(
            job.id, JobChange(noted.revision, now / 1000, job.status, job.step, job.progress, job.reasons)
        )
        return noted

    def end(self, kept: KeptCluster, job: Job, status: JobStatus, error: JobError | None, now: int) -> None:
        result = kept.record.view if status is JobStatus.SUCCEEDED else None
        self._finish(replace(job, status=status, result=result, error=error), now)
        if status is not JobStatus.SUCCEEDED:
            self.bring_back(kept, job, job.restore, now)

    def cancel(self, job: Job, now: int) -> Job:
        """The job, ended as canceled; its cluster goes back."""
        ended = replace(job, status=JobStatus.CANCELED, error=canceled_error(job), ended_at=now / 1000)
        ended = self._finish(ended, now)
        kept = self.clusters.get(job.key)
        if kept is not None:
            self.bring_back(kept, job, job.way_back, now)
        return ended

    def supersede(self, kept: KeptCluster, now: int) -> None:
        former = self.unfinished(kept, now)
        if former is not None:
            self._finish(replace(former, status=JobStatus.CANCELED, error=superseded_error(former)), now)

    def _end_late(self, job: Job, now: int) -> Job:
        ended = replace(job, status=JobStatus.FAILED, ended_at=now / 1000)
        ended = replace(ended, error=deadline_error(ended))
        ended = self._finish(ended, now)
        kept = self.clusters.get(job.key)
        if kept is not None:
            self.bring_back(kept, ended, ended.restore, now)
        return ended

    def _finish(self, job: Job, now: int) -> Job:
        """The end of a job, whatever the reason: it happens once, and is told."""
        ended = self.note(replace(job, ended_at=now / 1000), now)
        before = self.ended.get((job.kind, job.status), Ended(0, 0.0))
        took = (now - milliseconds(job.created_at)) / 1000
        self.ended[(job.kind, job.status)] = Ended(before.count + 1, before.seconds + took)
        kept = self.clusters.get(job.key)
        if kept is not None and kept.record.job == job.id:
            kept.record = replace(kept.record, job=None)
        self.events.post(job.key, job.id, now, ended=True)
        return ended

    def bring_back(self, kept: KeptCluster, job: Job, spec: ClusterSpec | None, now: int) -> None:
        """Bring another spec in place of a job's, if no other came since (hazards H23)."""
        if spec is None or kept.record.version != job.version:
            return
        kept.record = replace(kept.record, spec=spec, version=self.next_number(now))
        kept.wake += 1
        self.due[job.key] = now
