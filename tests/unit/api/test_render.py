import json
from dataclasses import replace

import pytest

from api import render
from api.envelope import Json
from common.cluster import ClusterKey, ClusterSpec
from common.jobs import Job, JobError, JobKind, JobStatus
from common.store.port import ClusterRecord
from common.view import ClusterView, InstanceView, LinkView, Reason, ReplicationView

NOW = 1795640400.0
INTERVAL = 30.0

SPEC = ClusterSpec("johny2", "my-test-db1", "i1", 2, ("_users", "test"), "johny2", "-pbkdf2:sha256-x,y,1")
VIEW = ClusterView(
    status="ready",
    endpoint="http://127.0.0.1:20000",
    instances=(InstanceView("a-0", "http://127.0.0.1:20001", "serving"), InstanceView("a-1", "u", "serving")),
    links=(
        LinkView("a-0", "a-1", (ReplicationView("test", "running", pending=4, refused=0),)),
        LinkView("a-1", "a-0", (ReplicationView("test", "running", pending=9, refused=0),)),
    ),
    databases=("_users", "test"),
    observed_at=NOW - 5,
    version=7,
)
RECORD = ClusterRecord(SPEC, 7, "$argon2id$secret", view=VIEW)
JOB = Job("j1", SPEC.key, JobKind.SCALE, JobStatus.RUNNING, 7, NOW - 9, NOW + 100, NOW + 50)


def detail(record: ClusterRecord) -> dict[str, Json]:
    return render.cluster_detail(record, now=NOW, upkeep_interval=INTERVAL)


def line(record: ClusterRecord) -> dict[str, Json]:
    return render.cluster_line(record, now=NOW, upkeep_interval=INTERVAL)


def test_members_are_in_the_order_of_the_interface() -> None:
    assert list(detail(RECORD)) == [
        "Tag", "Username", "Replicas", "Endpoint", "Namespace", "Status", "Reasons", "Databases", "Spawner",
        "Instances", "Links", "Job", "ObservedAt",
    ]  # fmt: skip
    with_password = render.cluster_result(SPEC, VIEW, password="Ty5wvW7LuQ3T")
    assert list(with_password)[:6] == ["Tag", "Username", "Password", "Replicas", "Endpoint", "Namespace"]
    assert "Instances" not in line(RECORD)
    assert "Links" not in line(RECORD)


def test_nothing_secret_is_shown() -> None:
    shown = json.dumps([detail(RECORD), line(RECORD), render.job_detail(JOB, RECORD)])
    assert "argon2" not in shown
    assert "pbkdf2" not in shown


def test_a_fresh_view_is_shown_as_it_is() -> None:
    assert detail(RECORD)["Status"] == "ready"


def test_an_old_view_is_unknown_with_a_reason() -> None:
    old = replace(RECORD, view=replace(VIEW, observed_at=NOW - 2 * INTERVAL - render.MARGIN - 1))
    shown = detail(old)
    assert shown["Status"] == "unknown"
    assert shown["Reasons"] == [{"code": "not_observed", "text": "last looked at 71 s ago: is a worker running?"}]
    assert shown["ObservedAt"] == "2026-11-25T20:58:49Z"
    assert line(old)["Lag"] is None


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (replace(SPEC, replicas=3), "scaling"),
        (replace(SPEC, databases=("_users", "a", "test")), "degraded"),
        (replace(SPEC, deleted=True), "deleting"),
    ],
)
def test_a_view_of_a_former_spec_is_not_ready(spec: ClusterSpec, expected: str) -> None:
    assert detail(replace(RECORD, spec=spec, version=8))["Status"] == expected


def test_a_view_of_a_former_spec_that_was_not_ready_keeps_its_own_word() -> None:
    degraded = replace(VIEW, status="degraded", reasons=(Reason("link_stalled", "it waits", "a-1"),))
    shown = detail(replace(RECORD, version=8, view=degraded))
    assert shown["Status"] == "degraded"
    assert shown["Reasons"] == [{"code": "link_stalled", "text": "it waits", "instance": "a-1"}]


def test_before_the_first_look_what_is_not_known_is_null() -> None:
    shown = detail(replace(RECORD, view=None))
    assert shown["Status"] == "creating"
    for member in ("Endpoint", "Namespace", "Instances", "Links", "ObservedAt"):
        assert shown[member] is None
    assert line(replace(RECORD, view=None))["Lag"] is None


def test_lag_is_that_of_the_slowest_link() -> None:
    assert line(RECORD)["Lag"] == 9


def test_lag_is_unknown_when_any_part_is() -> None:
    link = LinkView("a-0", "a-1", (ReplicationView("test", "unknown"), ReplicationView("a", "running", pending=3)))
    assert render.lag(replace(VIEW, links=(link,))) is None


def test_one_instance_has_no_lag() -> None:
    assert render.lag(replace(VIEW, instances=VIEW.instances[:1], links=())) == 0


def test_many_instances_without_links_have_an_unknown_lag() -> None:
    assert render.lag(replace(VIEW, links=())) is None


def test_databases_of_all_are_those_that_were_found() -> None:
    found = replace(VIEW, databases=("_users", "later", "test"))
    assert detail(replace(RECORD, view=found))["Databases"] == ["_users", "test"]
    everything = replace(RECORD, view=found, spec=replace(SPEC, all_databases=True))
    assert detail(everything)["Databases"] == ["_users", "later", "test"]


@pytest.mark.parametrize(
    ("status", "member"),
    [
        (JobStatus.QUEUED, None),
        (JobStatus.RUNNING, None),
        (JobStatus.SUCCEEDED, "result"),
        (JobStatus.FAILED, "error"),
        (JobStatus.CANCELED, "error"),
    ],
)
def test_a_job_ends_with_a_result_or_an_error(status: JobStatus, member: str | None) -> None:
    shown = render.job_detail(replace(JOB, status=status), RECORD)
    assert shown["done"] is (member is not None)
    assert {"result", "error"} & set(shown) == ({member} if member else set())


def test_the_result_of_a_job_is_not_what_a_later_one_made_of_it() -> None:
    ended = replace(JOB, status=JobStatus.SUCCEEDED, result=VIEW)
    later = replace(RECORD, version=9, spec=replace(SPEC, replicas=9, databases=("_users", "b", "test")))
    shown = render.job_detail(ended, later)["result"]
    assert isinstance(shown, dict)
    assert shown["Replicas"] == 2
    assert shown["Databases"] == ["_users", "test"]


def test_the_result_of_a_job_whose_cluster_is_gone_is_null() -> None:
    assert render.job_detail(replace(JOB, status=JobStatus.SUCCEEDED, result=VIEW), None)["result"] is None


def test_a_failed_job_says_how() -> None:
    failed = replace(JOB, status=JobStatus.FAILED, error=JobError("image_pull", "It cannot be pulled", "Look there"))
    shown = render.job_detail(failed, RECORD)
    assert shown["error"] == {"code": "image_pull", "message": "It cannot be pulled", "detail": "Look there"}


def test_times_are_utc_with_a_z() -> None:
    assert render.time(NOW + 0.9) == "2026-11-25T21:00:00Z"
    assert render.time(None) is None


def test_an_accepted_job_names_its_cluster() -> None:
    assert render.cluster_accepted(ClusterKey("u", "t"), "j") == {"Tag": "t", "Username": "u", "Job": "j"}
