"""One instance leaves, by identity, with its volume (hazards H4). Each call goes as far as it can and does not wait."""

from collections.abc import Mapping

from worker.core.observed import Instance
from worker.platforms.kubernetes import names, reasons
from worker.platforms.kubernetes.call import Json
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.resources import (
    DEPLOYMENTS,
    PODS,
    REPLICATION_CONTROLLERS,
    SERVICES,
    STATEFUL_SETS,
    VOLUME_CLAIMS,
)
from worker.platforms.kubernetes.sight import RETIRED, Sight, is_ending, is_ready, replicas, uid
from worker.platforms.kubernetes.sizes import build_cost, build_shrink


def retire(client: Client, sight: Sight, instance: Instance) -> None:
    """Nothing if this identity is not there. Conflict when a workload changed since the look: look again."""
    match sight.spec.spawner:
        case "deployment":
            _retire_pod(client, sight, instance)
        case "statefulset":
            _retire_highest(client, sight, instance)
        case _:
            _retire_controller(client, sight, instance)


def _retire_pod(client: Client, sight: Sight, instance: Instance) -> None:
    """A Deployment is told which pod to let go of, and made smaller by one once it cannot choose another."""
    pod = next((p for p in sight.live_pods if uid(p) == instance.identity), None)
    deployment = sight.workload
    if pod is None or deployment is None or pod["metadata"]["name"] != instance.name:
        return
    if _retired(deployment) == uid(pod):
        if has_settled(deployment):
            # The controller took another: this one is proved to hold nothing that others lack, so it goes as well, and
            # a new one comes in the place of the other.
            client.delete(PODS, instance.name, uid(pod))
    elif len(sight.live_pods) < replicas(deployment) and reasons.of_workload(deployment):
        _shrink(client, deployment, {})  # a pod that cannot be made is waited for no longer, and nobody leaves by that
    elif has_settled(deployment) and _goes_first(sight, pod):
        _mark(client, sight, pod)
        _shrink(client, deployment, {RETIRED: uid(pod)})


def _retired(deployment: Json) -> str:
    return str((deployment["metadata"].get("annotations") or {}).get(RETIRED, ""))


def _shrink(client: Client, deployment: Json, annotations: Mapping[str, str]) -> None:
    metadata, current = deployment["metadata"], replicas(deployment)
    change = build_shrink(current=current, wanted=current - 1, resource_version=metadata["resourceVersion"])
    if annotations:
        change["metadata"]["annotations"] = annotations
    client.patch(DEPLOYMENTS, metadata["name"], change)


def _mark(client: Client, sight: Sight, leaver: Json) -> None:
    """The lowest deletion cost is the leaver's alone: another that was to leave before and stays loses its own."""
    for pod in sight.live_pods:
        change = build_cost(leaves=pod is leaver)
        wanted = change["metadata"]["annotations"][names.DELETION_COST]
        known = (pod["metadata"].get("annotations") or {}).get(names.DELETION_COST)
        if known != wanted and (pod is leaver or known is not None):
            change["metadata"]["uid"] = uid(pod)
            client.patch(PODS, pod["metadata"]["name"], change)


def _goes_first(sight: Sight, leaver: Json) -> bool:
    """Whether the deletion cost is sure to decide; whoever the controller prefers whatever it costs is waited for.

    It takes pods without a node first, then those that do not run, then those that are not ready (Kubernetes,
    controller_utils.go, ActivePodsWithRanks).
    """
    return all(_rank(leaver) <= _rank(pod) for pod in sight.live_pods)


def _rank(pod: Json) -> tuple[bool, bool, bool]:
    has_node = bool(pod["spec"].get("nodeName"))
    return has_node, pod.get("status", {}).get("phase") == "Running", is_ready(pod)


def has_settled(deployment: Json) -> bool:
    """Whether the controllers have seen the Deployment as it is now, and it has as many pods as it should."""
    status = deployment.get("status", {})
    is_seen = int(status.get("observedGeneration", 0)) >= int(deployment["metadata"].get("generation", 0))
    return is_seen and int(status.get("replicas", 0)) == replicas(deployment)


def _retire_highest(client: Client, sight: Sight, instance: Instance) -> None:
    """A StatefulSet lets go of its highest ordinal only: whoever is not the highest waits for those above."""
    ordinal = names.ordinal(sight.spec, instance.name)
    claim = sight.claims_by_ordinal.get(ordinal) if ordinal is not None else None
    workload = sight.workload
    if ordinal is None or claim is None or uid(claim) != instance.identity:
        return
    if workload is not None and replicas(workload) > ordinal:
        if replicas(workload) != ordinal + 1 or any(n > ordinal for n in sight.claims_by_ordinal):
            return
        metadata = workload["metadata"]
        version = metadata["resourceVersion"]
        shrink = build_shrink(current=ordinal + 1, wanted=ordinal, resource_version=version)
        client.patch(STATEFUL_SETS, metadata["name"], shrink)
    if not is_ending(claim):
        client.delete(VOLUME_CLAIMS, claim["metadata"]["name"], uid(claim))


def _retire_controller(client: Client, sight: Sight, instance: Instance) -> None:
    """Its three objects, the one that makes pods first. The volume goes once its pod is gone, and is waited for.

    With its volume an instance is out of sight, so nobody would hear of a Service that must not be deleted: that is
    tried before anything is begun.
    """
    ordinal = names.ordinal(sight.spec, instance.name)
    claim = sight.claims_by_ordinal.get(ordinal) if ordinal is not None else None
    if claim is None or uid(claim) != instance.identity:
        return
    controller = sight.workloads.get(instance.name)
    service = client.get(SERVICES, instance.name)
    if service is not None and not names.is_of(service["metadata"].get("annotations"), sight.spec):
        service = None
    if controller is not None and not is_ending(controller):
        if service is not None:
            client.delete(SERVICES, instance.name, uid(service), is_trial=True)
        client.delete(REPLICATION_CONTROLLERS, instance.name, uid(controller))
    if not is_ending(claim):
        client.delete(VOLUME_CLAIMS, instance.name, uid(claim))
    if service is not None:
        client.delete(SERVICES, instance.name, uid(service))
