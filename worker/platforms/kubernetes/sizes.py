"""What may be changed of a workload that exists: how many instances it has, and nothing else. Pure (hazards H1, H3).

Each answer is the body of a JSON merge patch. It is no server-side apply: applying less than before under one field
manager would take the rest away.
"""

from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.frame import Manifest

MADE_ONCE = frozenset({"Deployment", "StatefulSet", "ReplicationController", "PersistentVolumeClaim", "Secret"})
"""Kinds that are created where they are missing and never applied over what is there: their templates stay as they were
made, whatever the settings or the version of kanto are now. The others (Service, policies) are applied each time."""

LEAVING_COST = -1000
STAYING_COST = 0


def build_growth(*, current: int, wanted: int, resource_version: str) -> Manifest | None:
    """More instances; None when there are enough already. It never lowers (hazards H1).

    The resource version is that of the look on which `wanted` rests: a change in between is a conflict, not a mix.
    """
    return _build(wanted, resource_version) if wanted > current else None


def build_shrink(*, current: int, wanted: int, resource_version: str) -> Manifest:
    """One instance fewer; ValueError for any other step. Of two late ones only one passes (hazards H1)."""
    if not 0 <= wanted == current - 1:
        raise ValueError(f"a workload of {current} shrinks by one, not to {wanted}")
    return _build(wanted, resource_version)


def build_cost(*, leaves: bool) -> Manifest:
    """A patch of a pod: whether its ReplicaSet is to choose it when it shrinks (hazards H4).

    The controller looks first at pods without a node, pending or not ready: those go before any cost counts.
    """
    cost = LEAVING_COST if leaves else STAYING_COST
    return {"metadata": {"annotations": {names.DELETION_COST: str(cost)}}}


def _build(replicas: int, resource_version: str) -> Manifest:
    return {"metadata": {"resourceVersion": resource_version}, "spec": {"replicas": replicas}}
