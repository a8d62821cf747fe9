"""Why an instance does not run, from what Kubernetes says of it."""

from typing import Any

import pytest

from worker.platforms.kubernetes import reasons

Json = dict[str, Any]


def pod(state: Json, *, last: Json | None = None, **other: Any) -> Json:
    container = {"name": "couchdb", "state": state, "lastState": {"terminated": last} if last else {}}
    return {"metadata": {"name": "p"}, "status": {"phase": "Pending", "containerStatuses": [container], **other}}


def unscheduled(message: str) -> Json:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"metadata": {"name": "p"}, "status": {"phase": "Pending", "conditions": [condition]}}


def test_a_pod_whose_container_runs_needs_no_reason() -> None:
    assert reasons.is_running(pod({"running": {}}))
    assert reasons.of_pod(pod({"running": {}})) == ""


def test_a_pod_of_which_nothing_is_told_yet_does_not_run() -> None:
    assert not reasons.is_running({"metadata": {"name": "p"}, "status": {}})


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (pod({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling"}}), "ImagePullBackOff: Back-off"),
        (pod({"waiting": {"reason": "ErrImagePull", "message": "not\n found"}}), "ErrImagePull: not found"),
        (unscheduled("0/1 nodes are available"), "Unschedulable: 0/1 nodes are available"),
        (
            pod(
                {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting"}},
                last={"exitCode": 1, "reason": "Error", "message": "the volume is locked\n"},
            ),
            "CrashLoopBackOff: it ended with 1: the volume is locked",
        ),
        (
            pod({"waiting": {"reason": "CrashLoopBackOff"}}, last={"exitCode": 137, "reason": "OOMKilled"}),
            "CrashLoopBackOff: it ended with 137 (out of memory)",
        ),
        (pod({"terminated": {"exitCode": 2, "reason": "Error", "message": "no"}}), "Error: it ended with 2: no"),
        (pod({}, phase="Failed", reason="Evicted", message="out of disk"), "Evicted: out of disk"),
        (pod({"waiting": {"reason": "ContainerCreating"}}), "its container is being started"),
        (
            pod({"waiting": {"reason": "ContainerCreating"}}, last={"exitCode": 127, "message": "tini: not found"}),
            "it is started again: it ended with 127: tini: not found",
        ),
    ],
)
def test_a_pod_says_why_it_does_not_run(seen: Json, told: str) -> None:
    assert reasons.of_pod(seen).startswith(told)


def test_the_trouble_of_an_init_container_is_told_first() -> None:
    seen = pod({"waiting": {"reason": "PodInitializing"}})
    failing = {"waiting": {"reason": "CrashLoopBackOff"}}
    last = {"terminated": {"exitCode": 1, "message": "the volume is locked"}}
    seen["status"]["initContainerStatuses"] = [{"name": "prepare", "state": failing, "lastState": last}]
    assert "the volume is locked" in reasons.of_pod(seen)


def test_an_init_container_that_ended_well_is_no_trouble() -> None:
    seen = pod({"waiting": {"reason": "PodInitializing"}})
    ended = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    seen["status"]["initContainerStatuses"] = [{"name": "prepare", "state": ended}]
    assert not reasons.is_told(seen)


def test_a_pod_that_is_being_deleted_says_so_even_while_it_runs() -> None:
    seen = pod({"running": {}})
    seen["metadata"]["deletionTimestamp"] = "2026-11-25T05:00:00Z"
    assert reasons.of_pod(seen) == "its pod is being deleted"


def test_last_words_are_cut_to_their_end() -> None:
    long = {"exitCode": 1, "message": "x" * 5000 + " the end"}
    told = reasons.of_pod(pod({"waiting": {"reason": "CrashLoopBackOff"}}, last=long))
    assert len(told) < 400
    assert told.endswith("the end")


def test_a_workload_says_why_it_has_too_few_pods() -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota: few"}
    assert reasons.of_workload({"status": {"conditions": [condition]}}) == "FailedCreate: exceeded quota: few"
    assert reasons.of_workload({"status": {}}) == ""


def test_the_newest_warning_is_told() -> None:
    def event(kind: str, reason: str, at: str) -> Json:
        return {"type": kind, "reason": reason, "message": "m", "lastTimestamp": at, "metadata": {}}

    events = [
        event("Warning", "FailedMount", "2026-11-25T05:00:02Z"),
        event("Warning", "FailedScheduling", "2026-11-25T05:00:01Z"),
        event("Normal", "Pulled", "2026-11-25T05:00:03Z"),
    ]
    assert reasons.of_events(events) == "FailedMount: m"
    assert reasons.of_events([]) == ""
