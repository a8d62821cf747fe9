"""A Celery task that does nothing, with kanto's own broker settings, and the floor of the worker, which runs it.

`python -m tests.bench.bare_task FILE`: a worker that writes down when each message's task began (monotonic seconds).
"""

import sys
import time
from pathlib import Path
from typing import Any

from celery import Celery

from common.broker import build_celery
from common.settings import Settings

NAME = "bench.nothing"


def build_task(redis_url: str) -> Any:
    app: Celery = build_celery(redis_url)

    @app.task(name=NAME, ignore_result=True)
    def nothing(user: str, tag: str) -> None:
        """Has two arguments, as a wake-up."""

    return nothing


def serve(settings: Settings, path: Path) -> None:
    app = build_celery(settings.redis_url)
    with path.open("a", buffering=1) as file:

        @app.task(name=NAME, ignore_result=True)
        def nothing(user: str, tag: str) -> None:
            file.write(f"{time.monotonic():.6f} {user}/{tag}\n")

        worker = app.Worker(
            pool="threads",
            concurrency=settings.worker_threads,
            without_mingle=True,
            without_gossip=True,
            without_heartbeat=True,
            loglevel="WARNING",
            quiet=True,
        )
        worker.start()


if __name__ == "__main__":
    serve(Settings(), Path(sys.argv[1]))
