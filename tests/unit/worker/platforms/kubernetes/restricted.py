"""The "restricted" level of the Pod Security Standards, as a pure check of a pod's spec.

After Kubernetes' documentation, "Pod Security Standards" (baseline and restricted, v1.34), one condition per control.
Windows is left out.
"""

from collections.abc import Iterator
from typing import Any

VOLUMES = {
    "name",
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
PROFILES = ("RuntimeDefault", "Localhost")


def breaches(spec: dict[str, Any]) -> list[str]:
    """What the level forbids in this pod, in words; empty when it passes."""
    return [*_of_pod(spec), *(said for container in _containers(spec) for said in _of_container(spec, container))]


def _containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    kinds = ("initContainers", "containers", "ephemeralContainers")
    return [container for kind in kinds for container in spec.get(kind, [])]


def _of_pod(spec: dict[str, Any]) -> Iterator[str]:
    context = spec.get("securityContext", {})
    for kind in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(kind):
            yield f"{kind} is on"
    for volume in spec.get("volumes", []):
        if not volume.keys() <= VOLUMES:
            yield f"volume {volume['name']} is of a kind that is not allowed"
    if context.get("sysctls"):
        yield "sysctls are set"
    if context.get("runAsNonRoot") is False or context.get("runAsUser") == 0:
        yield "the pod may run as root"
    if "seccompProfile" in context and context["seccompProfile"].get("type") not in PROFILES:
        yield "the pod's seccomp profile"
    if {"seLinuxOptions", "appArmorProfile"} & context.keys():
        yield "the pod has a SELinux or AppArmor profile of its own"


def _of_container(spec: dict[str, Any], container: dict[str, Any]) -> Iterator[str]:
    name, own, pods = container["name"], container.get("securityContext", {}), spec.get("securityContext", {})
    if own.get("privileged"):
        yield f"{name} is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{name} may escalate"
    if "ALL" not in own.get("capabilities", {}).get("drop", []):
        yield f"{name} keeps capabilities"
    if set(own.get("capabilities", {}).get("add", [])) - {"NET_BIND_SERVICE"}:
        yield f"{name} adds capabilities"
    if not own.get("runAsNonRoot", pods.get("runAsNonRoot")) or own.get("runAsUser") == 0:
        yield f"{name} may run as root"
    if own.get("seccompProfile", pods.get("seccompProfile", {})).get("type") not in PROFILES:
        yield f"{name} has no seccomp profile"
    if {"seLinuxOptions", "appArmorProfile"} & own.keys() or own.get("procMount", "Default") != "Default":
        yield f"{name} has another /proc, or a SELinux or AppArmor profile of its own"
    yield from _of_network(container)


def _of_network(container: dict[str, Any]) -> Iterator[str]:
    name = container["name"]
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield f"{name} takes a port of the host"
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(probe, {}).get("httpGet", {}).get("host"):
            yield f"{name}'s {probe} names a host"
