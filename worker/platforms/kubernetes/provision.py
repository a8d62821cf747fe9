"""Making what a cluster needs and lacks. Nothing is ever taken away here (hazards H1, H3)."""

from collections.abc import Callable, Sequence

from common.cluster import ClusterSpec
from worker.platforms.kubernetes import credentials, frame, names, objects, sizing
from worker.platforms.kubernetes.call import Json
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.frame import Frame
from worker.platforms.kubernetes.resources import DISRUPTION_BUDGETS, NETWORK_POLICIES, SERVICES
from worker.platforms.kubernetes.sight import WORKLOADS, Sight, instances, is_ending, replicas
from worker.platforms.kubernetes.sizes import build_growth
from worker.platforms.kubernetes.spawners import spawner as spawners


def provision(client: Client, frame_: Frame, sight: Sight, keep: Sequence[str], *, token: Callable[[int], str]) -> None:
    """The login first, then all objects in the order in which they need each other, each if it is missing.

    Conflict when somebody changed a workload meanwhile: look again.
    """
    spec = frame_.spec
    credentials.ensure(client, frame_, has_data=bool(instances(sight)), token=token)
    there = _there(client, spec, sight)
    for manifest in spawners.find(spec.spawner).build(frame_, sizing.ordinals(spec, sight, keep)):
        found = there.get(frame.key(manifest))
        if found is not None and is_ending(found):
            continue  # it is made again once it is gone
        objects.ensure(client, spec, manifest, found=found)
        if found is not None and manifest["kind"] == WORKLOADS[spec.spawner].kind:
            grow(client, spec, found, wanted=replicas(manifest))


def grow(client: Client, spec: ClusterSpec, workload: Json, *, wanted: int) -> None:
    metadata = workload["metadata"]
    change = build_growth(current=replicas(workload), wanted=wanted, resource_version=metadata["resourceVersion"])
    if change is not None:
        client.patch(WORKLOADS[spec.spawner], metadata["name"], change)


def _there(client: Client, spec: ClusterSpec, sight: Sight) -> dict[tuple[str, str], Json]:
    """This cluster's objects by kind and name. Lists leave the kind out of their items."""
    labels = names.list_selector(spec)
    found = {(WORKLOADS[spec.spawner].kind, name): workload for name, workload in sight.workloads.items()}
    found |= {("PersistentVolumeClaim", claim["metadata"]["name"]): claim for claim in sight.claims}
    for resource in (SERVICES, DISRUPTION_BUDGETS, NETWORK_POLICIES):
        items = client.find(resource, labels=labels).items
        found |= {(resource.kind, item["metadata"]["name"]): item for item in items}
    return found
