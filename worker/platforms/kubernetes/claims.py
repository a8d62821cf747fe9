"""Volumes that outlive pods. Pure."""

from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.frame import Frame, Manifest, metadata


def build_claim(frame: Frame, ordinal: int) -> Manifest:
    """The volume of one instance, of its own name."""
    name = names.instance(frame.spec, ordinal)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(frame, name, component="instance", instance=name),
        "spec": build_claim_spec(frame),
    }


def build_claim_template(frame: Frame) -> Manifest:
    """A StatefulSet's, from which its controller makes the claims. It is their owner, and the anchor is its."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": names.claim_template(frame.spec),
            "labels": names.labels(frame.spec, component="instance"),
            "annotations": names.annotations(frame.spec),
        },
        "spec": build_claim_spec(frame),
    }


def build_claim_spec(frame: Frame) -> Manifest:
    """Without a class the cluster's default makes the volume; "" takes one that was made beforehand."""
    shape = frame.shape
    spec: Manifest = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": shape.storage_size}},
    }
    if shape.storage_class is not None:
        spec["storageClassName"] = shape.storage_class
    return spec
