"""A worker as `python -m worker` is one, but its instances are fakes; it keeps a journal of its steps.

`python -m tests.fakes.worker FOLDER PORT`: the platform's folder, which the journals go into too, and the fakes' port.
Each line of a journal: what (`woken`, `begun`, `ended`), when (the machine's monotonic clock), the cluster and the
lease's fencing number.
"""

import os
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from common import log
from common.broker import build_celery
from common.cluster import ClusterKey
from common.errors import KantoError
from common.settings import Settings
from common.store.port import Lease, Outcome
from common.store.redis import RedisStore
from common.wakeup import WakeUps
from tests.fakes.platform import FolderPlatform
from worker import tasks
from worker.clock import SystemClock
from worker.couch.adapter import HttpCouch
from worker.heartbeat import Heartbeat
from worker.main import build_policy
from worker.step import Engine, step
from worker.ticker import Ticker


class Journal:
    """Lines that are in the file as soon as they are written, so that a worker that is killed leaves them."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, what: str, key: ClusterKey, fence: int = 0) -> None:
        os.write(self._file, f"{what} {time.monotonic():.6f} {key} {fence}\n".encode())


class NotingStore(RedisStore):
    """Notes the end of a step before its lease is given back: from then on the cluster may be another's."""

    def __init__(self, url: str, journal: Journal) -> None:
        super().__init__(url)
        self._journal = journal

    def release(self, lease: Lease, outcome: Outcome) -> None:
        self._journal.note("ended", lease.key, lease.fence)
        super().release(lease, outcome)


def serve(settings: Settings, folder: Path, port: int) -> int:
    """Run until SIGTERM, as `worker.main.serve` does; the exit code."""
    log.configure(settings.log_format)
    owner = f"fake-{os.getpid()}"
    journal = Journal(folder / f"{owner}.journal")
    store = NotingStore(settings.redis_url, journal)
    app = build_celery(settings.redis_url)
    heartbeat = Heartbeat(store, lease_seconds=settings.lease)
    platform = FolderPlatform(folder, port)

    @contextmanager
    def holding(lease: Lease) -> Iterator[None]:
        journal.note("begun", lease.key, lease.fence)
        with heartbeat.holding(lease):
            yield

    def run(key: ClusterKey) -> None:
        journal.note("woken", key)
        try:
            step(engine, key)
        except KantoError as error:
            log.get("worker").warning("step_not_begun", cluster=str(key), error=error.detail)
        ticker.poke()

    ticker = Ticker(
        store,
        records=platform.records,
        send=WakeUps(settings.redis_url).send,
        owner=owner,
        lease_seconds=settings.lease,
    )
    with HttpCouch() as couch, ThreadPoolExecutor(settings.worker_threads * 2, "apply") as executor:
        engine = Engine(
            store=store,
            platform=platform,
            couch=couch,
            clock=SystemClock(),
            executor=executor,
            policy=build_policy(settings),
            owner=owner,
            lease_seconds=settings.lease,
            holding=holding,
            jitter=random.random,
        )
        tasks.register(app, run)
        heartbeat.start()
        code = tasks.serve(
            app, name=f"kanto@{owner}", threads=settings.worker_threads, on_ready=ticker.start, on_stop=ticker.stop
        )
        heartbeat.stop()
    return code


if __name__ == "__main__":
    sys.exit(serve(Settings(), Path(sys.argv[1]), int(sys.argv[2])))
