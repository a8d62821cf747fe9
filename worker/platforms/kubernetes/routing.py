"""Whether the endpoint leads where kanto wants it to: a cluster is not ready before a client can reach it."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.call import Json
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.resources import ENDPOINT_SLICES
from worker.platforms.kubernetes.sight import Sight, condition, endpoint, is_ready, serves, uid

SETTLED_SECONDS = 10.0
"""A pod that has been ready for longer is taken to be in the Service's list; measured: it takes 0.8 s."""


def why_not(client: Client, sight: Sight, *, now: float) -> str:
    """What keeps the endpoint from leading to every pod that is to serve; "" when nothing does. `now` in Unix seconds.

    The Service's list of addresses is asked for only while a pod has become ready just now.
    """
    if sight.service is None:
        return ""
    if endpoint(sight) is None:
        return f"Service {names.workload(sight.spec)} has no address yet"
    serving = [pod for pod in sight.live_pods if serves(pod)]
    unready = [pod for pod in serving if not is_ready(pod)]
    if unready:
        return f"{_names(unready)} should serve but is not ready"
    if not any(now - _ready_since(pod) < SETTLED_SECONDS for pod in serving):
        return ""
    slices = client.find(ENDPOINT_SLICES, labels=f"kubernetes.io/service-name={names.workload(sight.spec)}").items
    listed = set(_listed(slices))
    missing = [pod for pod in serving if uid(pod) not in listed]
    return f"the endpoint does not lead to {_names(missing)} yet" if missing else ""


def _ready_since(pod: Json) -> float:
    changed = (condition(pod, "Ready") or {}).get("lastTransitionTime")
    return datetime.fromisoformat(changed).timestamp() if changed else 0.0


def _listed(slices: Iterable[Json]) -> Iterator[str]:
    """The uids of the pods that get traffic (an endpoint whose `ready` is not said is ready, as the API has it)."""
    for part in slices:
        for place in part.get("endpoints") or ():
            if (place.get("conditions") or {}).get("ready") is not False:
                yield (place.get("targetRef") or {}).get("uid", "")


def _names(pods: Iterable[Json]) -> str:
    return ", ".join(str(pod["metadata"]["name"]) for pod in pods)
