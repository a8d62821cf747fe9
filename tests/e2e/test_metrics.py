"""Metrics of a running service: read from api and workers while a cluster is made, and what they tell is so."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import MakeService
from tests.e2e.service import wait_until
from tests.ports import free_ports


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
