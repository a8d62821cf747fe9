"""Taking a whole cluster away, in an order in which nothing comes back; the anchor last.

It works from any half-made state. Nothing waits: what takes Kubernetes a while (pods that end, volumes that are let go
of) is looked at again.
"""

from collections.abc import Iterator

from common.cluster import ClusterSpec
from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.anchor import Anchor
from worker.platforms.kubernetes.call import Json
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.resources import (
    DEPLOYMENTS,
    DISRUPTION_BUDGETS,
    NETWORK_POLICIES,
    PODS,
    REPLICATION_CONTROLLERS,
    SECRETS,
    SERVICES,
    STATEFUL_SETS,
    VOLUME_CLAIMS,
    Resource,
)
from worker.platforms.kubernetes.sight import WORKLOADS, is_ending, uid

WHATEVER = (DEPLOYMENTS, STATEFUL_SETS, REPLICATION_CONTROLLERS)


def clear(client: Client, spec: ClusterSpec, anchor: Anchor) -> bool:
    """Go on with taking away this incarnation's objects; whether all of it is gone.

    What makes pods goes first, then volumes, which stay as long as a pod uses them. Once none of these is left,
    everything else and the anchor go in one go: until then the endpoint is there to be seen.
    """
    workloads = [WORKLOADS[spec.spawner]] if spec.spawner in WORKLOADS else WHATEVER
    left = [_delete(client, resource, spec) for resource in (*workloads, VOLUME_CLAIMS)]
    if any(left) or client.find(PODS, labels=names.list_selector(spec)).items:
        return False
    for resource in (DISRUPTION_BUDGETS, NETWORK_POLICIES, SERVICES):
        _delete(client, resource, spec)
    for secret in _found(client, SECRETS, spec):
        if uid(secret) != anchor.uid:
            client.delete(SECRETS, secret["metadata"]["name"], uid(secret))
    client.delete(SECRETS, anchor.name, anchor.uid)
    return True


def _delete(client: Client, resource: Resource, spec: ClusterSpec) -> bool:
    """Whether there were any."""
    found = list(_found(client, resource, spec))
    for thing in found:
        if not is_ending(thing):
            client.delete(resource, thing["metadata"]["name"], uid(thing))
    return bool(found)


def _found(client: Client, resource: Resource, spec: ClusterSpec) -> Iterator[Json]:
    """Of this very cluster, by the exact annotation as well: two names may share a label's value."""
    for thing in client.find(resource, labels=names.list_selector(spec)).items:
        if names.is_of(thing["metadata"].get("annotations"), spec):
            yield thing
