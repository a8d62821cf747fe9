"""What makes pods and volumes of workloads, and takes away what has no owner. At once, after each write.

A container runs once its pod has been seen to wait, so that one can be seen to start, unless `trouble` says why it does
not. Pods that are told to end do so at once, unless `ends_pods` is taken back: then they are marked and go on.
"""

from typing import Any

from tests.fake_kubernetes.objects import Json, Objects, now

FILLED = "kanto/filled"
COST = "controller.kubernetes.io/pod-deletion-cost"
WORKLOADS = ("deployments", "statefulsets", "replicationcontrollers")


class Controllers:
    """`quota`: so many pods and no more. `trouble`: a container's waiting state, for new pods."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.ends_pods = True
        self.trouble: Json | None = None
        self.quota = 1000

    def settle(self) -> None:
        """Bring everything to where it would come to rest."""
        version = -1
        while version != self.objects.version:
            version = self.objects.version
            self._collect()
            for plural in WORKLOADS:
                for workload in self.objects.all(plural):
                    self._fill(plural, workload)
            self._end_pods()
            self._let_go_of_claims()
            self._gate()
            self._list_addresses()

    def start_pods(self) -> None:
        """Whatever waits for nothing but its turn runs now."""
        for pod in self.objects.all("pods"):
            (container,) = pod["status"]["containerStatuses"]
            if container["state"].get("waiting", {}).get("reason") == "ContainerCreating":
                status = {
                    "phase": "Running",
                    "podIP": f"10.244.0.{next(self.objects.numbers)}",
                    "containerStatuses": [{"name": "couchdb", "state": {"running": {"startedAt": now()}}}],
                }
                self.objects.patch("pods", pod["metadata"]["name"], {"status": status})
        self.settle()

    def _collect(self) -> None:
        """The garbage collector."""
        there = {thing["metadata"]["uid"] for thing in self.objects.kept.values()}
        for (plural, name), thing in list(self.objects.kept.items()):
            owners = thing["metadata"].get("ownerReferences") or ()
            if owners and not any(owner["uid"] in there for owner in owners) and (plural, name) in self.objects.kept:
                self.objects.delete(plural, name)

    def _fill(self, plural: str, workload: Json) -> None:
        pods = [pod for pod in self.objects.all("pods") if _is_owned(pod, workload) and _is_live(pod)]
        wanted = int(workload["spec"]["replicas"])
        if plural == "statefulsets":
            self._fill_in_order(workload, pods, wanted)
        else:
            for _ in range(wanted - len(pods)):
                self._make_pod(workload, f"{workload['metadata']['name']}-{next(self.objects.numbers)}")
            for pod in sorted(pods, key=_rank)[: max(len(pods) - wanted, 0)]:
                self.objects.delete("pods", pod["metadata"]["name"])
        self._tell(plural, workload)

    def _fill_in_order(self, workload: Json, pods: list[Json], wanted: int) -> None:
        name = str(workload["metadata"]["name"])
        for ordinal in range(wanted):
            named = f"{name}-{ordinal}"
            for template in workload["spec"]["volumeClaimTemplates"]:
                claim = f"{template['metadata']['name']}-{named}"
                if ("persistentvolumeclaims", claim) not in self.objects.kept:
                    self.objects.create("persistentvolumeclaims", _claim(template, claim, workload))
            self._make_pod(workload, named)
        for pod in pods:
            if int(pod["metadata"]["name"].rpartition("-")[2]) >= wanted:
                self.objects.delete("pods", pod["metadata"]["name"])

    def _make_pod(self, workload: Json, name: str) -> None:
        """Not while there is one of this name, nor without a volume that stays."""
        if ("pods", name) in self.objects.kept or len(self.objects.all("pods")) >= self.quota:
            return
        template = workload["spec"]["template"]
        pod: Json = {
            "metadata": {
                **template["metadata"],
                "name": name,
                "finalizers": ["kubelet"],
                "ownerReferences": [{"uid": workload["metadata"]["uid"]}],
            },
            "spec": {**template["spec"], "claims": _claims_of(workload, name)},
        }
        if any(self._is_going(claim) for claim in pod["spec"]["claims"]):
            return
        self.objects.create("pods", pod)
        waiting = {"waiting": self.trouble or {"reason": "ContainerCreating"}}
        status = {
            "phase": "Pending",
            "hostIP": "10.0.0.1",
            "containerStatuses": [{"name": "couchdb", "state": waiting}],
        }
        self.objects.patch("pods", name, {"spec": {"nodeName": "node"}, "status": status})

    def _is_going(self, claim: str) -> bool:
        found = self.objects.kept.get(("persistentvolumeclaims", claim))
        return found is None or "deletionTimestamp" in found["metadata"]

    def _tell(self, plural: str, workload: Json) -> None:
        name = workload["metadata"]["name"]
        pods = [pod for pod in self.objects.all("pods") if _is_owned(pod, workload) and _is_live(pod)]
        is_short = len(pods) < int(workload["spec"]["replicas"]) and plural != "statefulsets"
        failure = {
            "type": "ReplicaFailure",
            "status": "True",
            "reason": "FailedCreate",
            "message": "exceeded quota: pods=1000",
        }
        status = {
            "observedGeneration": workload["metadata"]["generation"],
            "replicas": len(pods),
            "conditions": [failure] if is_short and len(self.objects.all("pods")) >= self.quota else [],
        }
        self.objects.patch(plural, name, {"status": status})

    def _end_pods(self) -> None:
        for pod in self.objects.all("pods"):
            if self.ends_pods and "deletionTimestamp" in pod["metadata"]:
                self.objects.release("pods", pod["metadata"]["name"])

    def _let_go_of_claims(self) -> None:
        used = {claim for pod in self.objects.all("pods") for claim in pod["spec"]["claims"]}
        for claim in self.objects.all("persistentvolumeclaims"):
            name = claim["metadata"]["name"]
            if name not in used and "deletionTimestamp" in claim["metadata"]:
                self.objects.release("persistentvolumeclaims", name)
            elif "deletionTimestamp" not in claim["metadata"]:
                claim["metadata"]["finalizers"] = ["kubernetes.io/pvc-protection"]

    def _gate(self) -> None:
        """The kubelet: a pod is ready when its container is and its gate is set."""
        for pod in self.objects.all("pods"):
            status = pod.get("status", {})
            conditions = {c["type"]: c for c in status.get("conditions", [])}
            is_up = all("running" in c["state"] for c in status.get("containerStatuses", [{"state": {}}]))
            is_ready = str(is_up and conditions.get(FILLED, {}).get("status") == "True")
            if conditions.get("Ready", {}).get("status") != is_ready:
                ready = {"type": "Ready", "status": is_ready, "lastTransitionTime": now()}
                self.objects.set_conditions("pods", pod["metadata"]["name"], [ready])

    def _list_addresses(self) -> None:
        for service in self.objects.all("services"):
            name, spec = service["metadata"]["name"], service["spec"]
            if "clusterIP" not in spec:
                self.objects.patch("services", name, {"spec": {"clusterIP": f"10.96.0.{next(self.objects.numbers)}"}})
            chosen = [pod for pod in self.objects.all("pods") if _has(pod, spec["selector"]) and _is_ready(pod)]
            endpoints = [{"conditions": {"ready": True}, "targetRef": {"uid": p["metadata"]["uid"]}} for p in chosen]
            found = self.objects.kept.get(("endpointslices", name))
            if found is None:
                metadata = {
                    "name": name,
                    "labels": {"kubernetes.io/service-name": name},
                    "ownerReferences": [{"uid": service["metadata"]["uid"]}],
                }
                self.objects.create("endpointslices", {"metadata": metadata, "endpoints": endpoints})
            elif found["endpoints"] != endpoints:
                self.objects.patch("endpointslices", name, {"endpoints": endpoints})


def _claim(template: Json, name: str, workload: Json) -> Json:
    metadata = {**template["metadata"], "name": name, "ownerReferences": [{"uid": workload["metadata"]["uid"]}]}
    return {"metadata": metadata, "spec": template["spec"]}


def _claims_of(workload: Json, pod: str) -> list[str]:
    volumes = workload["spec"]["template"]["spec"]["volumes"]
    own = [v["persistentVolumeClaim"]["claimName"] for v in volumes if "persistentVolumeClaim" in v]
    templates = workload["spec"].get("volumeClaimTemplates", [])
    return [*own, *(f"{template['metadata']['name']}-{pod}" for template in templates)]


def _is_owned(thing: Json, owner: Json) -> bool:
    owners = thing["metadata"].get("ownerReferences") or ()
    return any(reference["uid"] == owner["metadata"]["uid"] for reference in owners)


def _is_live(pod: Json) -> bool:
    return "deletionTimestamp" not in pod["metadata"] and pod.get("status", {}).get("phase") != "Failed"


def _is_ready(pod: Json) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _has(pod: Json, labels: Json) -> bool:
    return all(pod["metadata"].get("labels", {}).get(name) == value for name, value in labels.items())


def _rank(pod: Json) -> tuple[Any, ...]:
    """Who goes first (controller_utils.go, ActivePodsWithRanks)."""
    cost = int(pod["metadata"].get("annotations", {}).get(COST, "0"))
    has_node = "nodeName" in pod["spec"]
    return has_node, pod.get("status", {}).get("phase") == "Running", _is_ready(pod), cost, -_number(pod)


def _number(pod: Json) -> int:
    return int(pod["metadata"]["uid"].removeprefix("uid-"))
