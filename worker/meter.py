"""What a worker counts and times of its own work, for Prometheus."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram

from common.jobs import Job, JobStatus
from common.view import Reason

STEP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
CALL_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
JOB_BUCKETS = (0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)


class Meter:
    """May be used from many threads. A registry of its own, that nobody reads, makes it a silent one."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        where = registry if registry is not None else CollectorRegistry()
        self._steps = Histogram(
            "kanto_step_seconds", "Steps by how they ended.", ("end",), registry=where, buckets=STEP_BUCKETS
        )
        self._waits = Counter("kanto_waits", "Steps that ended waiting, by each reason.", ("code",), registry=where)
        self._jobs = Histogram(
            "kanto_job_seconds",
            "Jobs that this worker saw to their end, from their acceptance on.",
            ("kind", "status"),
            registry=where,
            buckets=JOB_BUCKETS,
        )
        self._calls = Histogram(
            "kanto_call_seconds",
            "Calls to CouchDB and Kubernetes, each until its answer or its failure (status 0).",
            ("system", "verb", "status"),
            registry=where,
            buckets=CALL_BUCKETS,
        )

    def stepped(self, end: str, seconds: float, reasons: Iterable[Reason] = ()) -> None:
        """`end`: apply, wait or done as the last plan was, failed for an error, lost for a lease that went away."""
        self._steps.labels(end).observe(seconds)
        for code in {reason.code for reason in reasons}:
            self._waits.labels(code).inc()

    def ended(self, job: Job, status: JobStatus, seconds: float) -> None:
        self._jobs.labels(str(job.kind), str(status)).observe(seconds)

    def called(self, system: str, verb: str, status: int, seconds: float) -> None:
        """`system` is couchdb or kubernetes, `status` its HTTP status, 0 for a call without an answer."""
        self._calls.labels(system, verb, str(status)).observe(seconds)
