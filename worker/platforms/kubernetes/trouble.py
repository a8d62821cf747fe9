"""What keeps instances from being there or from starting, where neither they nor their workload say it themselves.

Events tell it then. They are asked for only of what takes long, since they cost a request each.
"""

from collections.abc import Iterator
from datetime import datetime

from worker.platforms.kubernetes import names, reasons
from worker.platforms.kubernetes.call import Json
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.resources import EVENTS
from worker.platforms.kubernetes.sight import Sight, replicas

SLOW_SECONDS = 2.0
"""A pod of an image that is there runs sooner than this."""

OVER = frozenset({"FailedScheduling", "Unhealthy"})
"""Warnings that say nothing any more about a pod that has a node and whose container is not there yet."""


def problem(client: Client, sight: Sight, *, now: float) -> str:
    """In Kubernetes' own words; "" when there is none. `now` is in Unix seconds."""
    return "; ".join(dict.fromkeys(text for text in _told(client, sight, now) if text))


def _told(client: Client, sight: Sight, now: float) -> Iterator[str]:
    for name, workload in sight.workloads.items():
        if len(_own_pods(sight, workload)) < replicas(workload) and _is_slow(workload, now):
            yield reasons.of_workload(workload) or _warning(client, name)
    for pod in sight.live_pods:
        if not reasons.is_told(pod) and _is_slow(pod, now):
            yield _warning(client, pod["metadata"]["name"], but=OVER if pod["spec"].get("nodeName") else frozenset())


def _own_pods(sight: Sight, workload: Json) -> tuple[Json, ...]:
    if sight.spec.spawner != "rc":
        return sight.live_pods
    name = workload["metadata"]["name"]
    return tuple(pod for pod in sight.live_pods if pod["metadata"].get("labels", {}).get(names.INSTANCE) == name)


def _is_slow(thing: Json, now: float) -> bool:
    return now - datetime.fromisoformat(thing["metadata"]["creationTimestamp"]).timestamp() >= SLOW_SECONDS


def _warning(client: Client, name: str, *, but: frozenset[str] = frozenset()) -> str:
    events = client.find(EVENTS, fields=f"type=Warning,involvedObject.name={name}").items
    return reasons.of_events(event for event in events if event.get("reason") not in but)
