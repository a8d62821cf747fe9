"""Alerts and dashboard: every query names a metric that kanto gives, and every alert has its section and its tests."""

import re
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import get_args

import pytest
import yaml
from prometheus_client import CollectorRegistry

import api.meter
import worker.meter
from common import metrics
from common.cluster import ClusterKey
from common.errors import REASONS
from common.jobs import JobStatus
from common.store.port import Outcome
from common.view import InstanceView, LinkView, Reason, ReplicationView, Status
from tests import watching
from tests.contract.store.requests import KEY, VIEW, accepted, creation, leased
from tests.twins.store.store import MemoryStore
from tests.watching import FILES, queries, rules

ROOT = Path(__file__).parents[3]
SEEN = replace(
    VIEW,
    reasons=(Reason("link_stalled", "..."),),
    instances=(InstanceView("a", "http://a", "serving"),),
    links=(LinkView("a", "b", (ReplicationView("test", "running", 3, 2),)),),
)
SHOWN = re.compile(r"\{\{ *(?:\$labels\.)?([a-z_]+) *\}\}")
"""A label in a legend or a sentence."""

Given = Mapping[str, frozenset[str]]
"""The samples that kanto gives by name, each with the names of its labels."""

VALUES = {
    "kanto_clusters status": get_args(Status),
    "kanto_jobs_ended_total status": tuple(JobStatus),
    "kanto_clusters_with_reason code": tuple(REASONS),
    "kanto_step_seconds_count end": ("apply", "wait", "done", "failed", "lost"),
    "kanto_call_seconds_count status": ("0", *map(str, HTTPStatus)),
}
"""What labels may be: a query for another value would find nothing, for ever."""


@pytest.fixture(scope="module")
def given() -> Given:
    """All samples that an api and a worker give, each of them used once."""
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
    told = {sample.name: frozenset(sample.labels) for metric in registry.collect() for sample in metric.samples}
    return {**told, **dict.fromkeys(LIMITED, frozenset())}


LIMITED = {"kanto_store_used_bytes", "kanto_store_limit_bytes"}
"""Given by a real Redis only (tests/e2e/test_metrics.py), the limit where there is one."""


def test_every_query_asks_for_metrics_that_there_are_and_for_labels_that_they_have(given: Given) -> None:
    asked = [(query, name, labels) for query, _ in queries() for name, labels in watching.labels(query).items()]
    assert len(asked) > 35
    assert not [(query, name) for query, name, labels in asked if not labels <= given.get(name, frozenset())]
    assert not [(query, name) for query, name, _ in asked if name not in given]
    assert all(watching.metrics(query) for query, _ in queries())


def test_every_label_that_a_legend_or_an_alert_tells_is_one_of_the_result() -> None:
    told = 0
    for query, text in queries():
        shown = set(SHOWN.findall(text))
        outermost = next(iter(watching.groups(query)), set())
        assert shown <= outermost - {"le"}, f"{query}: {text}"
        told += len(shown)
    assert told > 10


def test_every_value_of_a_label_that_is_asked_for_is_one_that_kanto_gives() -> None:
    met = set()
    for query, _ in queries():
        for name, label, wanted in watching.matches(query):
            met.add(f"{name} {label}")
            values = VALUES[f"{name} {label}"]
            assert not [part for part in wanted if not any(re.fullmatch(part, value) for value in values)], query
    assert met == set(VALUES)


def test_the_dashboard_shows_every_metric(given: Given) -> None:
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
