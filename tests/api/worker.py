"""A worker without instances: it leases clusters as a real one does, and leaves the view that a real one would."""

import queue
import threading
from contextlib import suppress
from dataclasses import replace

from common.cluster import ClusterKey, ClusterSpec
from common.errors import NewerVersion
from common.jobs import JobError, JobStatus, Progress
from common.names import cluster_name, instance_name
from common.store.port import Lease, Outcome, Store
from common.view import ClusterView, Conflicts, InstanceView, LinkView, ReplicationView

TTL = 15.0


class Bell:
    """Wake-ups, as the api sends them."""

    def __init__(self) -> None:
        self.rung: list[ClusterKey] = []
        self.waiting: queue.Queue[ClusterKey | None] = queue.Queue()

    def send(self, key: ClusterKey) -> bool:
        self.rung.append(key)
        self.waiting.put(key)
        return True


class FakeWorker:
    """Works in a thread of its own while `is_working`, one step a wake-up. `error` ends jobs as failed."""

    def __init__(self, store: Store, bell: Bell) -> None:
        self._store = store
        self._bell = bell
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.may_work = threading.Event()
        self.may_work.set()
        self.error: JobError | None = None
        self.keeps_jobs_running = False
        self.conflicts: Conflicts | None = None
        self.counts = 0

    def start(self) -> None:
        self._store.claim("fake", limit=0, lease=TTL)
        self._thread.start()

    def stop(self) -> None:
        self.may_work.set()
        self._bell.waiting.put(None)
        self._thread.join(10)

    def _run(self) -> None:
        while (key := self._bell.waiting.get()) is not None:
            self.may_work.wait(60)
            with suppress(NewerVersion):  # as a real one passes over it
                self.step(key)

    def step(self, key: ClusterKey) -> None:
        lease = self._store.acquire(key, "fake", ttl=TTL)
        if lease is not None:
            self._store.release(lease, self._outcome(lease))

    def _outcome(self, lease: Lease) -> Outcome:
        spec = lease.record.spec
        conflicts = self.conflicts if lease.is_to_count else None
        if conflicts is not None:
            conflicts = replace(conflicts, counted_at=lease.now)
            self.counts += 1
        view = view_of(spec, now=lease.now, version=lease.record.version)
        if lease.job is None:
            return Outcome(due_in=30.0, view=view, conflicts=conflicts)
        if self.keeps_jobs_running:
            progress = Progress(1, 2, ("one of two",))
            return Outcome(due_in=30.0, view=view, step="working", progress=progress)
        if self.error is not None:
            return Outcome(due_in=30.0, view=view, ended=JobStatus.FAILED, error=self.error)
        return Outcome(due_in=30.0, view=view, step="done", ended=JobStatus.SUCCEEDED, gone=spec.deleted)


def view_of(spec: ClusterSpec, *, now: float, version: int) -> ClusterView:
    """What a ready cluster looks like."""
    name = cluster_name(spec.user, spec.tag)
    names = [instance_name(name, number) for number in range(spec.replicas)]
    instances = tuple(
        InstanceView(one, f"http://127.0.0.1:{20001 + number}", "serving", uuid=f"{number:032x}", since=now)
        for number, one in enumerate(names)
    )
    replications = tuple(ReplicationView(each, "running", pending=0, refused=0) for each in spec.databases)
    ring = zip(names, [*names[1:], names[0]], strict=True) if len(names) > 1 else ()
    return ClusterView(
        status="deleting" if spec.deleted else "ready",
        endpoint="http://127.0.0.1:20000",
        instances=instances,
        links=tuple(LinkView(source, target, replications) for source, target in ring),
        databases=spec.databases,
        observed_at=now,
        version=version,
    )
