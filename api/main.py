"""The api as a process: the one place that builds clients, and the end of it that nobody has to wait for."""

import signal
import sys
import time
from random import SystemRandom
from types import FrameType

import uvicorn

from api.app import build_app
from api.meter import Meter
from api.service import build_service
from api.waiters import Waiters
from common import log, metrics
from common.environment import WrongSettings, load, tell_unknown_names
from common.settings import Settings
from common.store.redis import RedisStore
from common.version import own_version
from common.wakeup import WakeUps

GRACE = 10
"""Seconds that requests get to end after a SIGTERM; those that wait for jobs are answered at once."""


class Server(uvicorn.Server):
    """uvicorn, but a signal lets all waiters go first: the lifespan ends only after their requests have been cut."""

    def __init__(self, config: uvicorn.Config, waiters: Waiters) -> None:
        super().__init__(config)
        self._waiters = waiters

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A SIGINT that comes second does not wait for requests that still run."""
        del frame
        self._waiters.let_go()
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


def main() -> int:
    """Serve until SIGTERM or SIGINT; the exit code is 0 then, 2 for settings that make no sense."""
    try:
        settings = load(Settings)
    except WrongSettings as wrong:
        sys.stderr.write(f"kanto: {wrong}\n")
        return 2
    log.configure(settings.log_format)
    tell_unknown_names()
    store = RedisStore(settings.redis_url, keep_jobs=settings.keep_jobs)
    wake_ups = WakeUps(settings.redis_url)
    service = build_service(
        store,
        wake_ups,
        settings,
        chance=SystemRandom(),
        clock=time.monotonic,
        version=own_version(),
    )
    registry = metrics.build_registry(service.version)
    registry.register(metrics.StoreMetrics(store, names_clusters=settings.metrics_clusters))
    config = uvicorn.Config(
        build_app(service, clock=time.monotonic, meter=Meter(registry)),
        host=settings.bind,
        port=settings.port,
        log_config=None,
        access_log=False,  # its lines hold query strings, which may hold tokens; api/requests.py writes our own
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),  # uvicorn's default believes any header that comes from here
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=GRACE,
    )
    try:
        with metrics.served(registry, bind=settings.metrics_bind, port=settings.metrics_port):
            Server(config, service.waiters).run()
    finally:
        store.close()
        wake_ups.close()
    return 0
