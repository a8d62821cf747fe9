"""What is told to those who watch: of everything, by bounded labels, and the truth when the store is away."""

from collections.abc import Iterable

import httpx
import pytest
from prometheus_client import CollectorRegistry

from common import metrics
from common.cluster import ClusterKey
from common.errors import StoreUnavailable
from common.metrics import StoreMetrics
from common.store.survey import Ended, Survey, Surveyed
from common.view import ClusterView, InstanceView, LinkView, Reason, ReplicationView
from tests.ports import free_port

VIEW = ClusterView(
    "degraded",
    reasons=(Reason("link_stalled", "test: 3 changes wait"), Reason("link_stalled", "other: 1 change waits")),
    instances=(InstanceView("a", "http://a", "serving"), InstanceView("b", "http://b", "fenced")),
    links=(LinkView("a", "b", (ReplicationView("test", "running", 3, 2), ReplicationView("other", "unknown"))),),
)
SURVEY = Survey(
    clusters=(Surveyed(ClusterKey("ann", "one"), 7.5, VIEW), Surveyed(ClusterKey("bob", "two"), 0.0)),
    workers=2,
    unfinished=1,
    ended={("create", "failed"): Ended(3, 12.5)},
    memory=(1000, None),
)


class Told:
    """A store of which only the survey is asked, and a clock."""

    def __init__(self, *answers: Survey | StoreUnavailable) -> None:
        self.answers = list(answers)
        self.now = 0.0

    def survey(self) -> Survey:
        answer = self.answers.pop(0)
        if isinstance(answer, StoreUnavailable):
            raise answer
        return answer


def registry(told: Told, *, names_clusters: bool = False) -> CollectorRegistry:
    made = metrics.build_registry("1.2.3")
    made.register(StoreMetrics(told, names_clusters=names_clusters, monotonic=lambda: told.now))  # type: ignore[arg-type]
    return made


def value(made: CollectorRegistry, name: str, **labels: str) -> float | None:
    return made.get_sample_value(name, labels)


def label_values(made: CollectorRegistry) -> Iterable[str]:
    return {value for metric in made.collect() for sample in metric.samples for value in sample.labels.values()}


def test_clusters_are_counted_by_what_was_seen_of_them() -> None:
    made = registry(Told(SURVEY))
    assert value(made, "kanto_clusters", status="degraded") == 1
    assert value(made, "kanto_clusters", status="creating") == 1, "nobody has looked at it yet"
    assert value(made, "kanto_instances", state="fenced") == 1
    assert value(made, "kanto_replications", state="unknown") == 1
    assert value(made, "kanto_clusters_with_reason", code="link_stalled") == 1, "a cluster counts once"
    assert value(made, "kanto_lag_changes") == 3
    assert value(made, "kanto_refused_documents") == 2


def test_what_is_late_and_how_jobs_ended_is_told() -> None:
    made = registry(Told(SURVEY))
    assert value(made, "kanto_overdue_clusters") == 1
    assert value(made, "kanto_latest_seconds") == 7.5
    assert value(made, "kanto_jobs_ended_total", kind="create", status="failed") == 3
    assert value(made, "kanto_jobs_seconds_total", kind="create", status="failed") == 12.5
    assert value(made, "kanto_store_used_bytes") == 1000
    assert value(made, "kanto_store_limit_bytes") is None, "there is none"


def test_no_label_names_a_user_a_tag_or_a_database() -> None:
    assert not {"ann", "one", "bob", "two", "test", "other"} & set(label_values(registry(Told(SURVEY))))


def test_clusters_are_named_when_a_setting_says_so() -> None:
    made = registry(Told(SURVEY), names_clusters=True)
    assert value(made, "kanto_cluster_status", user="ann", cluster_tag="one", status="degraded") == 1


def test_many_readers_cost_one_survey() -> None:
    told = Told(SURVEY, Survey())
    made = registry(told)
    assert [value(made, "kanto_workers") for _ in range(5)] == [2] * 5
    told.now = metrics.KEPT_SECONDS
    assert value(made, "kanto_workers") == 0


def test_a_store_that_is_away_is_told_and_nothing_old() -> None:
    told = Told(SURVEY, StoreUnavailable("away"))
    made = registry(told)
    assert value(made, "kanto_store_up") == 1
    told.now = metrics.KEPT_SECONDS
    assert (value(made, "kanto_store_up"), value(made, "kanto_workers")) == (0, None)


def test_they_are_read_over_http_until_the_end() -> None:
    port = free_port()
    with metrics.served(metrics.build_registry("1.2.3"), bind="127.0.0.1", port=port):
        assert 'kanto_build_info{version="1.2.3"} 1.0' in httpx.get(f"http://127.0.0.1:{port}/metrics").text
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/metrics")


def test_a_port_that_is_taken_stops_nobody() -> None:
    port = free_port()
    with metrics.served(metrics.build_registry("1"), bind="127.0.0.1", port=port):
        with metrics.served(metrics.build_registry("2"), bind="127.0.0.1", port=port):
            pass
        assert httpx.get(f"http://127.0.0.1:{port}/metrics").status_code == 200
