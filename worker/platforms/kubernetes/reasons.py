"""Why an instance does not run, in Kubernetes' own words: from a pod, a workload, or the events about them. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Object = Mapping[str, Any]

UNDER_WAY = frozenset({"ContainerCreating", "PodInitializing"})
"""Waiting reasons of every pod that starts: why it takes long is told by events only."""

LONGEST = 300
"""Characters of what a container or a controller says: the last ones, where a program tells why it ended."""

FAILING = {"CrashLoopBackOff", "RunContainerError", "Error"}


def is_running(pod: Object) -> bool:
    """Whether its container runs, ready or not."""
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    return bool(statuses) and all("running" in (status.get("state") or {}) for status in statuses)


def of_pod(pod: Object) -> str:
    """Why its container does not run, or not for long; "" when all is well."""
    if "deletionTimestamp" in pod["metadata"]:
        return "its pod is being deleted"
    if is_running(pod):
        return ""
    status = pod.get("status", {})
    if status.get("phase") in ("Failed", "Succeeded"):
        return _joined(status.get("reason") or "its pod has ended", status.get("message"))
    for told in (*_unscheduled(status), *_containers(status)):
        return told
    return "its container is being started"


def is_told(pod: Object) -> bool:
    """Whether the pod itself says what keeps it from running, so that no event needs to be asked for."""
    return is_running(pod) or of_pod(pod) != "its container is being started"


def _unscheduled(status: Object) -> Iterator[str]:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield _joined(condition.get("reason") or "Unschedulable", condition.get("message"))


def _containers(status: Object) -> Iterator[str]:
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        state = container.get("state") or {}
        waiting, ended = state.get("waiting"), state.get("terminated")
        last = (container.get("lastState") or {}).get("terminated")
        if waiting and waiting.get("reason") in FAILING:
            yield _joined(waiting["reason"], _last_words(last) or waiting.get("message"))
        elif waiting and waiting.get("reason") not in UNDER_WAY:
            yield _joined(waiting.get("reason") or "waiting", waiting.get("message"))
        elif ended and (ended.get("exitCode") or ended.get("reason") not in (None, "Completed")):
            yield _joined(ended.get("reason") or "Error", _last_words(ended))
        elif not ended and last and last.get("exitCode"):
            yield _joined("it is started again", _last_words(last))


def _last_words(ended: Object | None) -> str:
    """How a container ended and the end of what it wrote (terminationMessagePolicy FallbackToLogsOnError)."""
    if not ended:
        return ""
    code = f"it ended with {ended['exitCode']}" if ended.get("exitCode") is not None else "it ended"
    killed = " (out of memory)" if ended.get("reason") == "OOMKilled" else ""
    return _joined(f"{code}{killed}", ended.get("message"))


def of_workload(workload: Object) -> str:
    """Why a Deployment or ReplicationController has fewer pods than it should (quota, admission); "" if it has all."""
    for condition in workload.get("status", {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return _joined(condition.get("reason") or "ReplicaFailure", condition.get("message"))
    return ""


def of_events(events: Iterable[Object]) -> str:
    """The newest warning among these events; "" when there is none."""
    warnings = [event for event in events if event.get("type") == "Warning"]
    if not warnings:
        return ""
    newest = max(warnings, key=_seen_at)
    return _joined(newest.get("reason") or "Warning", newest.get("message"))


def _seen_at(event: Object) -> str:
    """RFC 3339 in UTC, so that text compares as time."""
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return next((time for time in times if time), event["metadata"].get("creationTimestamp") or "")


def _joined(head: str, text: str | None) -> str:
    told = " ".join((text or "").split())
    told = told if len(told) <= LONGEST else f"... {told[-LONGEST:]}"
    return f"{head}: {told}" if told else head
