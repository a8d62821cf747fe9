"""Alerts and dashboard: every query names a metric that kanto gives, and every alert has its section and its tests."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

import api.meter
import worker.meter
from common import metrics
from common.cluster import ClusterKey
from common.jobs import JobStatus
from common.store.memory import MemoryStore
from common.store.port import Outcome
from common.view import InstanceView, LinkView, Reason, ReplicationView
from tests.contract.store.requests import KEY, VIEW, accepted, creation, leased

ROOT = Path(__file__).parents[3]
FILES = ROOT / "helm" / "kanto" / "files"
SEEN = replace(
    VIEW,
    reasons=(Reason("link_stalled", "..."),),
    instances=(InstanceView("a", "http://a", "serving"),),
    links=(LinkView("a", "b", (ReplicationView("test", "running", 3, 2),)),),
)
NAME = re.compile(r"\bkanto_[a-z_]+\b")


@pytest.fixture(scope="module")
def given() -> set[str]:
    """The names of all samples that an api and a worker give, each of them used once."""
    store = MemoryStore(lambda: 1_000_000.0)
    store.rebuild(())
    accepted(store, creation())
    store.release(leased(store), Outcome(30.0, view=SEEN, ended=JobStatus.SUCCEEDED))
    job = accepted(store, creation("other", ClusterKey("ann", "other")))
    registry: CollectorRegistry = metrics.build_registry("1")
    registry.register(metrics.StoreMetrics(store, names_clusters=True))
    of_worker = worker.meter.Meter(registry)
    of_worker.stepped("done", 0.1, (Reason("filling", "..."),))
    of_worker.ended(job, JobStatus.SUCCEEDED, 1.0)
    of_worker.called("couchdb", "GET", 200, 0.1)
    of_api = api.meter.Meter(registry)
    of_api.began()
    of_api.ended("/v0/create", "POST", 200, 0.1)
    of_api.refused("unauthorized")
    assert KEY in {one.key for one in store.survey().clusters}
    return {sample.name for metric in registry.collect() for sample in metric.samples} | LIMITED


LIMITED = {"kanto_store_used_bytes", "kanto_store_limit_bytes"}
"""Given by a real Redis only (tests/e2e/test_metrics.py), the limit where there is one."""


def rules() -> list[dict[str, Any]]:
    read = yaml.safe_load((FILES / "alerts.yaml").read_text())
    return [rule for group in read["groups"] for rule in group["rules"]]


def test_every_alert_asks_for_metrics_that_there_are(given: set[str]) -> None:
    for rule in rules():
        asked = set(NAME.findall(rule["expr"]))
        assert asked, rule["alert"]
        assert asked <= given, rule["alert"]


def test_every_query_of_the_dashboard_asks_for_metrics_that_there_are(given: set[str]) -> None:
    panels = json.loads((FILES / "dashboard.json").read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(queries) > 15
    for query in queries:
        asked = set(NAME.findall(query))
        assert asked, query
        assert asked <= given, query


def test_the_dashboard_shows_every_metric(given: set[str]) -> None:
    text = (FILES / "dashboard.json").read_text()
    families = {re.sub(r"_(total|bucket|count|sum|created|info)$", "", name) for name in given}
    families.remove("kanto_cluster_status")  # only where a setting asks for it
    assert not {family for family in families if family not in text}


def test_every_alert_has_a_section_in_the_runbooks() -> None:
    names = [rule["alert"] for rule in rules()]
    sections = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbooks.md").read_text(), re.MULTILINE)
    assert sections == [name for name in sections if name in names]
    assert sorted(sections) == sorted(names)


def test_every_alert_is_tried_where_it_fires_and_where_it_does_not() -> None:
    """promtool plays them: `make test-alerts`."""
    tests = yaml.safe_load((FILES / "alerts.test.yaml").read_text())["tests"]
    rests = {one["alertname"] for test in tests for one in test["alert_rule_test"] if not one["exp_alerts"]}
    firing = [one for test in tests for one in test.get("promql_expr_test", ()) if "ALERTS" in one["expr"]]
    told = " ".join(one["expr"] + " ".join(sample["labels"] for sample in one["exp_samples"]) for one in firing)
    fires = set(re.findall(r'alertname="(\w+)"', told))
    fires |= {one["alertname"] for test in tests for one in test["alert_rule_test"] if one["exp_alerts"]}
    assert fires == rests == {rule["alert"] for rule in rules()}
