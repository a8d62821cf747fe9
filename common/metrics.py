"""Metrics that api and worker share: what the store tells of everything, the build, and the port they are read from.

No label holds a user, a tag or a database, so that their number is bounded, unless a setting asks for clusters by name.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Info, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from common.errors import StoreUnavailable
from common.log import get
from common.store.port import Store
from common.store.survey import Survey, Surveyed

log = get(__name__)

KEPT_SECONDS = 10.0
"""A survey reads every cluster, so it is not made anew more often than this, however many ask."""

LATE_AFTER = 5.0
"""Seconds after which a cluster that is due counts as overdue: no worker is free for it."""


def build_registry(version: str) -> CollectorRegistry:
    registry = CollectorRegistry()
    Info("kanto_build", "Which kanto this is.", registry=registry).info({"version": version})
    return registry


@contextmanager
def served(registry: CollectorRegistry, *, bind: str, port: int | None) -> Iterator[None]:
    """Answer /metrics meanwhile, from a thread of its own; nothing without a port.

    A port that is taken is no reason not to do the work: it is said in the log.
    """
    if port is None:
        yield
        return
    try:
        server, thread = start_http_server(port, bind, registry)
    except OSError as error:
        log.error("no_metrics", bind=bind, port=port, error=str(error))  # noqa: TRY400 -- the words are all there is
        yield
        return
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)


class StoreMetrics(Collector):
    """What the store tells, whoever asks: every process gives the same, so take the maximum over them, never a sum.

    While the store is away nothing is told but that: `kanto_store_up` is 0.
    """

    def __init__(
        self, store: Store, *, names_clusters: bool = False, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._names_clusters = names_clusters
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: Survey | None = None
        self._kept_until = 0.0

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked of the store before somebody reads."""
        return ()

    def collect(self) -> Iterable[Metric]:
        survey = self._survey()
        up = GaugeMetricFamily("kanto_store_up", "Whether the store answers.")
        up.add_metric((), 0 if survey is None else 1)
        yield up
        if survey is not None:
            yield from _of_clusters(survey.clusters)
            yield from _of_service(survey)
            if self._names_clusters:
                yield _by_name(survey.clusters)

    def _survey(self) -> Survey | None:
        with self._lock:
            if self._monotonic() >= self._kept_until:
                try:
                    self._kept = self._store.survey()
                except StoreUnavailable:
                    self._kept = None
                self._kept_until = self._monotonic() + KEPT_SECONDS
            return self._kept


def _of_clusters(clusters: tuple[Surveyed, ...]) -> Iterable[Metric]:
    views = [one.view for one in clusters if one.view is not None]
    statuses = [one.view.status if one.view is not None else "creating" for one in clusters]
    yield _gauge("kanto_clusters", "Clusters by status.", "status", statuses)
    states = [instance.state for view in views for instance in view.instances]
    yield _gauge("kanto_instances", "Instances by state.", "state", states)
    replications = [r for view in views for link in view.links for r in link.replications]
    yield _gauge("kanto_replications", "Replications by state.", "state", [r.state for r in replications])
    codes = [code for view in views for code in {reason.code for reason in view.reasons}]
    yield _gauge("kanto_clusters_with_reason", "Clusters that give this reason.", "code", codes)
    lag = GaugeMetricFamily("kanto_lag_changes", "The most changes that wait in one replication.")
    lag.add_metric((), max((r.pending for r in replications if r.pending is not None), default=0))
    yield lag
    refused = GaugeMetricFamily("kanto_refused_documents", "Documents that targets refused, over all replications.")
    refused.add_metric((), sum(r.refused for r in replications if r.refused is not None))
    yield refused


def _of_service(survey: Survey) -> Iterable[Metric]:
    lates = [one.late for one in survey.clusters]
    numbers = (
        (
            "kanto_overdue_clusters",
            "Clusters due for more than 5 s.",
            sum(late > LATE_AFTER for late in lates),
        ),
        (
            "kanto_latest_seconds",
            "How late the latest cluster is.",
            max(lates, default=0.0),
        ),
        ("kanto_workers", "Workers seen in the last 30 s.", survey.workers),
        ("kanto_unfinished_jobs", "Jobs that have not ended.", survey.unfinished),
        ("kanto_overdue_jobs", "Jobs past a deadline that nobody has ended.", survey.overdue),
        ("kanto_store_used_bytes", "Memory that the store uses.", survey.memory[0]),
        ("kanto_store_limit_bytes", "Memory that the store may use; absent without a limit.", survey.memory[1]),
    )
    for name, text, number in numbers:
        if number is not None:
            gauge = GaugeMetricFamily(name, text)
            gauge.add_metric((), number)
            yield gauge
    labels = ("kind", "status")
    ended = CounterMetricFamily("kanto_jobs_ended", "Jobs by kind and how they ended.", labels=labels)
    seconds = CounterMetricFamily("kanto_jobs_seconds", "Seconds that ended jobs took, together.", labels=labels)
    for how, total in sorted(survey.ended.items()):
        ended.add_metric(how, total.count)
        seconds.add_metric(how, total.seconds)
    yield ended
    yield seconds


def _by_name(clusters: tuple[Surveyed, ...]) -> Metric:
    named = GaugeMetricFamily(
        "kanto_cluster_status", "Always 1: the status of each cluster.", labels=("user", "cluster_tag", "status")
    )
    for one in clusters:
        named.add_metric((one.key.user, one.key.tag, one.view.status if one.view is not None else "creating"), 1)
    return named


def _gauge(name: str, text: str, label: str, values: Iterable[str]) -> Metric:
    gauge = GaugeMetricFamily(name, text, labels=(label,))
    for value, count in sorted(Counter(values).items()):
        gauge.add_metric((value,), count)
    return gauge
