"""Celery's side of the worker: the one task, and a worker process that runs it on threads."""

import logging
from collections.abc import Callable

from celery import Celery
from celery.signals import setup_logging, worker_ready, worker_shutting_down

from common.cluster import ClusterKey
from common.log import get
from common.wakeup import STEP_TASK

log = get(__name__)


def register(app: Celery, run: Callable[[ClusterKey], None]) -> None:
    """`run` is called for each wake-up, on one of the worker's threads."""

    @app.task(name=STEP_TASK, ignore_result=True)  # type: ignore[untyped-decorator,unused-ignore]
    def step(user: str, tag: str) -> None:
        run(ClusterKey(user, tag))


def serve(app: Celery, *, name: str, threads: int, on_ready: Callable[[], None], on_stop: Callable[[], None]) -> int:
    """Run a Celery worker in this process until it is told to stop; its exit code.

    SIGTERM: `on_stop` is called at once, then running steps end by themselves (each is short), then this returns.
    """

    def ready(**_: object) -> None:
        on_ready()

    def stopping(**_: object) -> None:
        on_stop()

    def keep_our_log(**_: object) -> None:
        """With a receiver here Celery leaves the log as we set it up; else it drops every line below WARNING."""

    setup_logging.connect(keep_our_log, weak=False)
    for name_of_theirs in ("celery", "kombu"):
        logging.getLogger(name_of_theirs).setLevel(logging.WARNING)
    worker_ready.connect(ready, weak=False)
    worker_shutting_down.connect(stopping, weak=False)
    worker = app.Worker(
        hostname=name,
        pool="threads",
        concurrency=threads,
        without_mingle=True,
        without_gossip=True,
        without_heartbeat=True,
        loglevel="WARNING",
        quiet=True,
    )
    worker.start()
    return int(worker.exitcode or 0)
