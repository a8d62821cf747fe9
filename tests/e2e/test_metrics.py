"""Metrics of a running service: read from api and workers while a cluster is made, and what they tell is so."""

from collections.abc import Iterable

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests import watching
from tests.e2e.conftest import MakeService
from tests.e2e.service import wait_until
from tests.ports import free_ports

USER, TAG, DATABASE = "meterman", "meter-seen", "metered-things"

LISTED = {
    "requests": ("kanto_request_seconds", "kanto_open_requests"),
    "refusals": ("kanto_refusals",),
    "jobs by kind and end, with durations": ("kanto_jobs_ended", "kanto_jobs_seconds", "kanto_job_seconds"),
    "unfinished and overdue jobs": ("kanto_unfinished_jobs", "kanto_overdue_jobs"),
    "due clusters and how late they are": ("kanto_overdue_clusters", "kanto_latest_seconds"),
    "steps, leases that were lost among their ends": ("kanto_step_seconds",),
    "waits by reason": ("kanto_waits",),
    "clusters by status": ("kanto_clusters", "kanto_clusters_with_reason"),
    "instances by state, those fenced or withdrawn too": ("kanto_instances",),
    "links by state": ("kanto_replications",),
    "lag": ("kanto_lag_changes",),
    "refused documents": ("kanto_refused_documents",),
    "calls to Kubernetes and CouchDB": ("kanto_call_seconds",),
    "the build": ("kanto_build_info",),
    "Redis": ("kanto_store_up", "kanto_store_used_bytes"),
}


def samples(port: int) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def total(found: dict[tuple[str, tuple[tuple[str, str], ...]], float], name: str) -> float:
    return sum(value for (sample, _), value in found.items() if sample == name)


def test_api_and_workers_tell_what_they_did_and_what_there_is(make_service: MakeService) -> None:
    port = free_ports(3)
    service = make_service(KANTO_METRICS_PORT=str(port), KANTO_UPKEEP_INTERVAL="2")
    user = service.user("meter")
    user.result("create", cluster_tag="seen", replicas=2)

    api = wait_until("the cluster in the metrics", lambda: ready(samples(port)))
    created = (("method", "POST"), ("path", "/v0/create"), ("status", "200"))
    assert api["kanto_request_seconds_count", created] == 1
    assert api["kanto_jobs_ended_total", (("kind", "create"), ("status", "succeeded"))] == 1
    assert api["kanto_workers", ()] == 2

    workers = [samples(port + number) for number in (1, 2)]
    for name in ("kanto_step_seconds_count", "kanto_call_seconds_count", "kanto_waits_total"):
        assert sum(total(found, name) for found in workers) > 0
    assert sum(total(found, "kanto_job_seconds_count") for found in workers) == 1
    assert {total(found, "kanto_instances") for found in (api, *workers)} >= {2.0}


def ready(
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float],
) -> dict[tuple[str, tuple[tuple[str, str], ...]], float] | None:
    return found if found.get(("kanto_clusters", (("status", "ready"),))) == 1 else None


def given(ports: Iterable[int]) -> dict[str, list[dict[str, str]]]:
    """All that is told at these ports: families by name, without any sample too, and samples, each with its labels."""
    found: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
        for family in text_string_to_metric_families(text):
            found.setdefault(family.name, [])
            for sample in family.samples:
                found.setdefault(sample.name, []).append(sample.labels)
    return found


def test_a_running_kanto_gives_all_that_is_watched_and_names_nobody(make_service: MakeService) -> None:
    port = free_ports(3)
    service = make_service(KANTO_METRICS_PORT=str(port), KANTO_UPKEEP_INTERVAL="2")
    user = service.user(USER)
    user.result("create", cluster_tag=TAG, replicas=3)
    user.result("replicate", cluster_tag=TAG, databases=DATABASE)
    user.result("scale", cluster_tag=TAG, replicas=2)
    assert user.post("detail", cluster_tag="not-there").status_code == 404
    wait_until("the cluster in the metrics", lambda: ready(samples(port)))
    told = given((port, port + 1, port + 2))
    assert [what for what, names in LISTED.items() if not set(names) <= set(told)] == []
    asked = [(name, labels) for query, _ in watching.queries() for name, labels in watching.labels(query).items()]
    assert {name for name, _ in asked} - set(told) == {"kanto_store_limit_bytes"}, "asked for, and given by nobody"
    lacking = [
        (name, labels - set(sample)) for name, labels in asked for sample in told.get(name, ()) if labels - set(sample)
    ]
    assert lacking == [], "labels that are asked for, and that are not there"
    values = {value for labels in told.values() for one in labels for value in one.values()}
    assert not [value for value in values for name in (USER, TAG, DATABASE) if name in value]
