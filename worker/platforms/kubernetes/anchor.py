"""The anchor of a cluster: a Secret that says whose it is, carries its mirror and owns all its other objects.

Hazards H18, H21, H22. Its fencing number is raised by compare-and-swap: each write of it names the version it was read
at.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace

from common.cluster import ClusterKey, ClusterSpec, MirrorRecord
from common.codec import decode, encode
from common.errors import LeaseLost, PermanentError, TemporaryError
from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.call import Json
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.resources import SECRETS
from worker.platforms.mirror import is_news

FENCE = "kanto/fence"
RECORD = "record.json"
COMPONENT = "anchor"

EVERY_ANCHOR = f"{names.MANAGED_BY}={names.MANAGER},{names.COMPONENT}={COMPONENT}"
"""Chooses the anchors of all clusters in the namespace."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """An anchor as it was read. `record` is the mirror as text, "" before the first."""

    name: str
    key: ClusterKey
    incarnation: str
    fence: int
    uid: str
    version: str
    record: str = ""
    is_ending: bool = False

    def is_of(self, spec: ClusterSpec) -> bool:
        """Whether it belongs to this owner and this very cluster, not to one that had the name before."""
        return self.key == spec.key and self.incarnation == spec.incarnation

    def mirrored(self) -> MirrorRecord | None:
        """The mirror, with the last fencing number; PermanentError when this kanto cannot read it."""
        return replace(decode(MirrorRecord, self.record), fence=self.fence) if self.record else None

    @property
    def is_deleted(self) -> bool:
        record = self.mirrored()
        return record is not None and record.spec.deleted


def read(secret: Json) -> Anchor:
    """PermanentError `name_taken` for a Secret of this name that is no anchor."""
    metadata = secret["metadata"]
    annotations: Mapping[str, str] = metadata.get("annotations") or {}
    labels: Mapping[str, str] = metadata.get("labels") or {}
    try:
        return Anchor(
            name=metadata["name"],
            key=ClusterKey(annotations[names.EXACT_USER], labels[names.TAG]),
            incarnation=annotations[names.INCARNATION],
            fence=int(annotations[FENCE]),
            uid=metadata["uid"],
            version=metadata["resourceVersion"],
            record=_text(secret),
            is_ending="deletionTimestamp" in metadata,
        )
    except (LookupError, ValueError) as error:
        raise PermanentError(
            "name_taken",
            f"Secret {metadata['name']} is in the way: kanto did not make it, or it was altered",
            action="Remove or rename it, or choose another cluster_tag",
        ) from error


def _text(secret: Json) -> str:
    return base64.b64decode((secret.get("data") or {}).get(RECORD, "")).decode()


def build(spec: ClusterSpec, fence: int, *, namespace: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": names.workload(spec),
            "namespace": namespace,
            "labels": names.labels(spec, component=COMPONENT),
            "annotations": {**names.annotations(spec), FENCE: str(fence)},
        },
    }


def load(client: Client, spec: ClusterSpec) -> Anchor | None:
    """The anchor of this name, whosever it is."""
    found = client.get(SECRETS, names.workload(spec))
    return None if found is None else read(found)


def mine(client: Client, spec: ClusterSpec) -> Anchor | None:
    """The anchor of this very cluster; None as well where a Secret of its name is somebody else's."""
    secret = client.get(SECRETS, names.workload(spec))
    if secret is None or (secret["metadata"].get("labels") or {}).get(names.MANAGED_BY) != names.MANAGER:
        return None
    found = read(secret)
    return found if found.is_of(spec) else None


def writable(client: Client, spec: ClusterSpec, fence: int) -> Anchor:
    """The anchor, once it is sure that nobody has claimed the cluster since; LeaseLost otherwise."""
    found = mine(client, spec)
    if found is None:
        raise LeaseLost(f"{names.workload(spec)} was not claimed, or has been removed since")
    check_fence(found, fence)
    return found


def check_fence(anchor: Anchor, fence: int) -> None:
    if fence < anchor.fence:
        raise LeaseLost(f"{anchor.name} was claimed with {anchor.fence}, after {fence}")


def create(client: Client, spec: ClusterSpec, fence: int) -> None:
    """Conflict when somebody made one just now."""
    client.create(SECRETS, build(spec, fence, namespace=client.namespace))


def raise_fence(client: Client, anchor: Anchor, fence: int) -> None:
    """By compare-and-swap: Conflict when it was written since it was read. LeaseLost for a lower number."""
    check_fence(anchor, fence)
    if anchor.is_ending:
        raise TemporaryError("ending", f"Secret {anchor.name} is being deleted", action="Wait until it is gone")
    if fence > anchor.fence:
        _write(client, anchor, {"metadata": {"annotations": {FENCE: str(fence)}}})


def keep_record(client: Client, anchor: Anchor, record: MirrorRecord) -> None:
    """Put the mirror into the anchor; Conflict when it was written since it was read."""
    if is_news(anchor.mirrored(), record):
        _write(client, anchor, {"data": {RECORD: base64.b64encode(encode(record).encode()).decode()}})


def _write(client: Client, anchor: Anchor, change: Json) -> None:
    precondition = {"uid": anchor.uid, "resourceVersion": anchor.version}
    metadata = {**change.get("metadata", {}), **precondition}
    client.patch(SECRETS, anchor.name, {**change, "metadata": metadata})
