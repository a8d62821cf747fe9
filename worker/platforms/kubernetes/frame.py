"""What every object of a cluster has in common. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.cluster import ClusterSpec
from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.shape import Shape

Manifest = dict[str, Any]
"""One object as the API takes it: complete, without defaults of the server, the same for the same arguments."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Whose objects, how they look, and the uid of the anchor Secret that owns them all (hazards H18)."""

    spec: ClusterSpec
    shape: Shape
    anchor_uid: str

    @property
    def cluster(self) -> str:
        return names.workload(self.spec)


def metadata(frame: Frame, name: str, *, component: str, instance: str | None = None) -> Manifest:
    """Owned by the anchor, so that its deletion clears the object however late it came.

    It does not hold the anchor's deletion up: that would take a right to finalizers.
    """
    return {
        "name": name,
        "namespace": frame.shape.namespace,
        "labels": names.labels(frame.spec, component=component, instance=instance),
        "annotations": names.annotations(frame.spec),
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "Secret", "name": names.workload(frame.spec), "uid": frame.anchor_uid}
        ],
    }


def key(manifest: Mapping[str, Any]) -> tuple[str, str]:
    """Kind and name, which name an object in its namespace."""
    return manifest["kind"], manifest["metadata"]["name"]
