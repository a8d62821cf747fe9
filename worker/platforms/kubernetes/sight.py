"""What a cluster's objects say just now: read in few calls, and read as instances. The reading of them is pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from common.cluster import ClusterSpec
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
    Resource,
)
from worker.platforms.kubernetes.spawners import spawner as spawners

LOOPBACK = f"http://127.0.0.1:{names.PORT}"

RETIRED = "kanto/retired"
"""On a Deployment: the uid of the pod for which it was last made smaller."""

WORKLOADS: dict[str, Resource] = {
    "deployment": DEPLOYMENTS,
    "rc": REPLICATION_CONTROLLERS,
    "statefulset": STATEFUL_SETS,
}


@dataclass(frozen=True, slots=True)
class Sight:
    """The objects of one cluster by kind; `workloads` by name."""

    spec: ClusterSpec
    namespace: str
    pods: tuple[Json, ...] = ()
    claims: tuple[Json, ...] = ()
    workloads: Mapping[str, Json] = field(default_factory=dict)
    service: Json | None = None

    @property
    def live_pods(self) -> tuple[Json, ...]:
        """Those that run or will: neither ended (evicted, say) nor being deleted."""
        return tuple(pod for pod in self.pods if is_live(pod))

    @property
    def workload(self) -> Json | None:
        """The one that carries all instances, where there is one."""
        return self.workloads.get(names.workload(self.spec))

    @property
    def claims_by_ordinal(self) -> dict[int, Json]:
        found = ((claim_ordinal(self.spec, claim["metadata"]["name"]), claim) for claim in self.claims)
        return dict(sorted((ordinal, claim) for ordinal, claim in found if ordinal is not None))


def see(client: Client, spec: ClusterSpec) -> Sight:
    """One look: a list of pods and, where there are any, of volumes; the workloads; the endpoint's Service."""
    spawner, labels = spawners.find(spec.spawner), names.list_selector(spec)
    workloads = client.find(WORKLOADS[spec.spawner], labels=labels).items
    claims = client.find(VOLUME_CLAIMS, labels=labels).items if spawner.claims else ()
    pods = client.find(PODS, labels=labels).items
    service = client.get(SERVICES, names.workload(spec))
    return Sight(
        spec=spec,
        namespace=client.namespace,
        pods=tuple(sorted(pods, key=lambda pod: str(pod["metadata"]["name"]))),
        claims=claims,
        workloads={workload["metadata"]["name"]: workload for workload in workloads},
        service=service if service and names.is_of(service["metadata"].get("annotations"), spec) else None,
    )


def is_live(pod: Json) -> bool:
    return not is_ending(pod) and pod.get("status", {}).get("phase") not in ("Failed", "Succeeded")


def is_ending(thing: Json) -> bool:
    return "deletionTimestamp" in thing["metadata"]


def uid(thing: Json) -> str:
    return str(thing["metadata"]["uid"])


def replicas(workload: Json) -> int:
    return int(workload["spec"].get("replicas", 1))


def serves(pod: Json) -> bool:
    """Whether kanto has set the readiness gate (hazards H5)."""
    return _holds(pod, names.FILLED)


def is_ready(pod: Json) -> bool:
    return _holds(pod, "Ready")


def condition(pod: Json, kind: str) -> Json | None:
    conditions = pod.get("status", {}).get("conditions") or ()
    return next((found for found in conditions if found.get("type") == kind), None)


def _holds(pod: Json, kind: str) -> bool:
    found = condition(pod, kind)
    return found is not None and found.get("status") == "True"


def claim_ordinal(spec: ClusterSpec, name: str) -> int | None:
    if spec.spawner == "statefulset":
        head = f"{names.claim_template(spec)}-"
        return names.ordinal(spec, name.removeprefix(head)) if name.startswith(head) else None
    return names.ordinal(spec, name)


def instances(sight: Sight) -> tuple[Instance, ...]:
    """Every instance that is there, running or not."""
    found = _named(sight) if spawners.find(sight.spec.spawner).named else _nameless(sight)
    return tuple(found)


def _nameless(sight: Sight) -> Iterator[Instance]:
    """An instance is a pod, and its data are as old as the pod.

    One that is being deleted is none, but for the one that kanto retires and when all is being removed.
    """
    retired = (sight.workload or {"metadata": {}})["metadata"].get("annotations", {}).get(RETIRED)
    for pod in sight.pods:
        is_going = uid(pod) == retired
        if is_live(pod) or is_going or (sight.spec.deleted and is_ending(pod)):
            host = _bracketed(pod.get("status", {}).get("podIP") or f"{pod['metadata']['name']}.invalid")
            yield _build(
                pod["metadata"]["name"],
                uid(pod),
                f"http://{host}:{names.PORT}",
                pod=pod,
                why="",
                is_going=is_going,
            )


def _named(sight: Sight) -> Iterator[Instance]:
    """An instance is a volume, whichever pod carries it now."""
    for ordinal, claim in sight.claims_by_ordinal.items():
        yield _build(
            names.instance(sight.spec, ordinal),
            uid(claim),
            names.peer_address(sight.spec, ordinal, namespace=sight.namespace),
            pod=pod_of(sight, ordinal),
            why=_why_no_pod(sight, ordinal, claim),
            is_going=is_going(sight, ordinal),
        )


def is_going(sight: Sight, ordinal: int) -> bool:
    """Whether this instance's removal has begun for good: its volume is being deleted, and nothing asks for a pod.

    A volume that a person deletes under a running pod is not that: it lives as long as the pod.
    """
    claim = sight.claims_by_ordinal.get(ordinal)
    return claim is not None and is_ending(claim) and not is_asked_for(sight, ordinal)


def is_asked_for(sight: Sight, ordinal: int) -> bool:
    """Whether a workload wants a pod for this instance."""
    if sight.spec.spawner == "statefulset":
        return sight.workload is not None and not is_ending(sight.workload) and replicas(sight.workload) > ordinal
    controller = sight.workloads.get(names.instance(sight.spec, ordinal))
    return controller is not None and not is_ending(controller) and replicas(controller) > 0


def pod_of(sight: Sight, ordinal: int) -> Json | None:
    """The pod that carries this instance, a live one if there is any."""
    name = names.instance(sight.spec, ordinal)
    own = [
        pod
        for pod in sight.pods
        if name in (pod["metadata"]["name"], pod["metadata"].get("labels", {}).get(names.INSTANCE))
    ]
    return next((pod for pod in own if is_live(pod)), own[0] if own else None)


def _why_no_pod(sight: Sight, ordinal: int, claim: Json) -> str:
    if is_ending(claim):
        return "its volume is being deleted"
    controller = sight.workloads.get(names.instance(sight.spec, ordinal))
    return (reasons.of_workload(controller) if controller else "") or "it has no pod"


def _build(name: str, identity: str, address: str, *, pod: Json | None, why: str, is_going: bool) -> Instance:
    """A live pod runs or starts: Kubernetes itself is at it. Without one, the instance is down."""
    is_up = pod is not None and is_live(pod)
    is_running = pod is not None and is_up and reasons.is_running(pod)
    reason = "" if is_running else (reasons.of_pod(pod) if pod is not None else "") or why
    return Instance(
        name=name,
        identity=identity,
        address=address,
        url=address,
        phase="running" if is_running else "starting" if is_up else "down",
        serving=pod is not None and is_up and serves(pod),
        reason=reason,
        loopback=LOOPBACK,
        is_going=is_going,
    )


def endpoint(sight: Sight) -> str | None:
    """Where a client reaches the cluster; None until there is such a place."""
    if sight.service is None:
        return None
    spec = sight.service["spec"]
    match spec.get("type", "ClusterIP"):
        case "LoadBalancer":
            found = (sight.service.get("status", {}).get("loadBalancer") or {}).get("ingress") or ()
            hosts = [entry.get("ip") or entry.get("hostname") for entry in found]
            return next((f"http://{_bracketed(host)}:{names.PORT}" for host in hosts if host), None)
        case "NodePort":
            port, host = next(iter(_node_ports(spec)), None), _node(sight.live_pods)
            return f"http://{_bracketed(host)}:{port}" if port and host else None
        case _:
            address = spec.get("clusterIP")
            return f"http://{_bracketed(address)}:{names.PORT}" if address else None


def _node_ports(spec: Json) -> Iterator[int]:
    yield from (port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort"))


def _node(pods: Iterable[Json]) -> str | None:
    """The address of the node of a pod that serves; of any, while none does."""
    order = sorted(pods, key=lambda pod: (not serves(pod), str(pod["metadata"]["name"])))
    hosts = (pod.get("status", {}).get("hostIP") for pod in order)
    return next((str(host) for host in hosts if host), None)


def _bracketed(host: str) -> str:
    """An IPv6 address stands in brackets in a URL (RFC 3986, 3.2.2)."""
    return f"[{host}]" if ":" in host else host
