"""Who is behind the endpoint: a readiness gate on each pod, which kanto sets and takes back (hazards H5)."""

from collections.abc import Collection
from datetime import datetime

from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.call import Json
from worker.platforms.kubernetes.client import STRATEGIC, Client
from worker.platforms.kubernetes.gate import build_gate
from worker.platforms.kubernetes.refusals import Conflict, Missing
from worker.platforms.kubernetes.resources import PODS
from worker.platforms.kubernetes.sight import Sight, pod_of, serves, uid
from worker.platforms.kubernetes.spawners import spawner as spawners


def serve(client: Client, sight: Sight, wanted: Collection[str], *, at: datetime) -> None:
    """Exactly these instances' pods have the gate. A pod that is replaced meanwhile is another, and has it not.

    Whoever is to serve comes first, so that the endpoint is never left without anybody on the way.
    """
    pods = _pods(sight)
    differing = [(name in wanted, pod) for name, pod in pods.items() if serves(pod) != (name in wanted)]
    for is_wanted, pod in sorted(differing, key=lambda entry: not entry[0]):
        change = build_gate(serves=is_wanted, at=at) | {"metadata": {"uid": uid(pod)}}
        try:
            client.patch(PODS, pod["metadata"]["name"], change, part="status", content=STRATEGIC)
        except (Missing, Conflict):
            continue  # that pod is gone


def _pods(sight: Sight) -> dict[str, Json]:
    """The live pods by the names of their instances."""
    if not spawners.find(sight.spec.spawner).named:
        return {pod["metadata"]["name"]: pod for pod in sight.live_pods}
    known = {ordinal: pod_of(sight, ordinal) for ordinal in sight.claims_by_ordinal}
    live = sight.live_pods
    return {names.instance(sight.spec, n): pod for n, pod in known.items() if pod is not None and pod in live}
