"""A worker process: builds the clients, ties the engine to its queue, and runs until told to stop."""

import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

from common import log, metrics
from common.broker import build_celery
from common.cluster import ClusterKey
from common.environment import tell_unknown_names
from common.errors import KantoError, NewerVersion
from common.settings import Settings
from common.store.redis import RedisStore
from common.version import own_version
from common.wakeup import WakeUps
from worker import tasks
from worker.clock import SystemClock
from worker.core.memory import Policy
from worker.couch.adapter import HttpCouch
from worker.heartbeat import Heartbeat
from worker.meter import Meter
from worker.platforms.process.host import Host
from worker.platforms.process.keeper import Keeper
from worker.platforms.process.platform import ProcessPlatform
from worker.platforms.process.remote import Listener, RemotePlatform
from worker.platforms.process.stop import stop_all
from worker.seldom import Seldom
from worker.step import Engine, step
from worker.ticker import Ticker
from worker.times import Times

if TYPE_CHECKING:
    from worker.platforms.kubernetes.platform import KubernetesPlatform

AnyPlatform: TypeAlias = "ProcessPlatform | RemotePlatform | KubernetesPlatform"

SAY_AGAIN_AFTER = 60.0
"""Seconds between two lines of the log on clusters that a newer worker has to take."""

WATCHER = "watcher"
"""The role of whoever watches Kubernetes for all workers."""

STOP_SECONDS = 3.0
"""After these an instance that does not end by itself is killed; `kanto run` gives the whole command little more."""


def build_policy(settings: Settings) -> Policy:
    return Policy(
        upkeep_interval=settings.upkeep_interval,
        bridge_after=settings.bridge_after,
        grace=settings.grace,
        deadline_progress=settings.deadline_progress,
    )


class Watcher(Protocol):
    """A thread that makes clusters due when something of them changes."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


def build_platform(settings: Settings, *, on_call: Callable[[str, int, float], None]) -> "AnyPlatform":
    """Kubernetes' client costs tens of MiB, so it is imported only where it is used, and before any work.

    `on_call` hears of each call to it: verb, HTTP status and seconds. PermanentError for a setting that makes no sense.
    """
    if settings.platform == "process" and settings.instances_socket is not None:
        times = Times.within(settings.lease)
        return RemotePlatform(settings.instances_socket, call_seconds=times.command, look_seconds=times.look)
    if settings.platform == "process":
        return ProcessPlatform.from_settings(settings)
    from worker.platforms.kubernetes import wiring  # noqa: PLC0415

    return wiring.build_platform(settings, on_call=on_call)


def build_watcher(
    platform: "AnyPlatform",
    *,
    hold: Callable[[float], bool],
    on_change: Callable[[ClusterKey], None],
) -> Watcher:
    if isinstance(platform, ProcessPlatform):
        return Keeper(platform, on_change=on_change)
    if isinstance(platform, RemotePlatform):
        return Listener(platform.path, on_change=on_change)
    return platform.watcher(hold=hold, on_change=on_change)


def serve(
    settings: Settings,
    *,
    build: Callable[[Settings], AnyPlatform] | None = None,
) -> int:
    """Run a worker until SIGTERM; its exit code. `build` makes another platform; tests have one that they can cut.

    PermanentError for a setting that makes no sense, before anything is begun.
    """
    log.configure(settings.log_format)
    tell_unknown_names()
    say = log.get("worker")
    owner = f"{socket.gethostname()}-{os.getpid()}"
    store = RedisStore(settings.redis_url, keep_jobs=settings.keep_jobs)
    app = build_celery(settings.redis_url)
    heartbeat = Heartbeat(store, lease_seconds=settings.lease)
    times = Times.within(settings.lease)
    registry = metrics.build_registry(own_version())
    meter = Meter(registry)
    platform = build(settings) if build else build_platform(settings, on_call=partial(meter.called, "kubernetes"))

    def wake(key: ClusterKey) -> None:
        try:
            store.wake(key)
        except KantoError as error:
            say.warning("wake_failed", cluster=str(key), code=error.code, error=error.detail)
        ticker.poke()

    is_time_to_say = Seldom(SAY_AGAIN_AFTER, clock=time.monotonic)

    def run(key: ClusterKey) -> None:
        try:
            step(engine, key)
        except NewerVersion as error:
            if is_time_to_say():
                say.warning("passed_over", cluster=str(key), code=error.code, error=error.detail)
        except KantoError as error:
            say.warning("step_not_begun", cluster=str(key), code=error.code, error=error.detail)
        ticker.poke()

    def hold(seconds: float) -> bool:
        return store.hold_role(WATCHER, owner, ttl=seconds)

    watcher = build_watcher(platform, hold=hold, on_change=wake)
    wake_ups = WakeUps(settings.redis_url)
    ticker = Ticker(store, records=platform.records, send=wake_ups.send, owner=owner, lease_seconds=settings.lease)
    registry.register(metrics.StoreMetrics(store, names_clusters=settings.metrics_clusters))
    with (
        metrics.served(registry, bind=settings.metrics_bind, port=settings.metrics_port),
        HttpCouch(
            look_seconds=times.look, command_seconds=times.command, on_call=partial(meter.called, "couchdb")
        ) as couch,
        ThreadPoolExecutor(settings.worker_threads * 2, "apply") as executor,
    ):
        engine = Engine(
            store=store,
            platform=platform,
            couch=couch,
            clock=SystemClock(),
            executor=executor,
            policy=build_policy(settings),
            owner=owner,
            lease_seconds=settings.lease,
            holding=heartbeat.holding,
            jitter=random.random,
            meter=meter,
            doubt=ticker.doubt,
        )
        tasks.register(app, run)
        heartbeat.start()
        watcher.start()
        say.info("platform", chosen=settings.platform, why=settings.why_platform)
        say.info("worker_starts", owner=owner, threads=settings.worker_threads)
        code = tasks.serve(
            app, name=f"kanto@{owner}", threads=settings.worker_threads, on_ready=ticker.start, on_stop=ticker.stop
        )
        watcher.stop()
        heartbeat.stop()
        wake_ups.close()
    say.info("worker_ended", code=code)
    return code


def host(settings: Settings) -> int:
    """Hold instances for workers in other containers until SIGTERM or SIGINT, then end them; their data stay.

    The exit code: 2 without KANTO_INSTANCES_SOCKET, 1 when an instance would not end.
    """
    log.configure(settings.log_format)
    tell_unknown_names()
    say = log.get("instances")
    if settings.instances_socket is None:
        say.error("no_socket", action="Set KANTO_INSTANCES_SOCKET to the path at which workers ask")
        return 2
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    platform = ProcessPlatform.from_settings(settings)
    serving = Host(platform, settings.instances_socket)
    keeper = Keeper(platform, on_change=serving.tell)
    serving.start()
    keeper.start()
    say.info("instances_host_starts", socket=str(settings.instances_socket), home=str(settings.home))
    told.wait()
    serving.stop()
    keeper.stop()
    return stop(settings)


def stop(settings: Settings) -> int:
    """End all instances and endpoints of this home, keep their data; 1 when some would not end."""
    log.configure(settings.log_format)
    left = stop_all(settings.home, kill_after=STOP_SECONDS)
    for folder in left:
        log.get("worker").error("still_running", folder=str(folder))
    return 1 if left else 0
