"""Making what is missing of a cluster's objects, and never touching what kanto did not make."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from common.cluster import ClusterSpec
from common.errors import KantoError, PermanentError, TemporaryError
from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.call import Json
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.frame import Manifest
from worker.platforms.kubernetes.refusals import Conflict
from worker.platforms.kubernetes.resources import BY_KIND, Resource
from worker.platforms.kubernetes.sizes import MADE_ONCE

APPLIED = "kanto/applied"
"""What was last applied, as a hash: nothing is sent again while that would change nothing."""


def ensure(client: Client, spec: ClusterSpec, manifest: Manifest, *, found: Json | None) -> bool:
    """The object is there as `manifest` says; whether that took a write. `found` is this cluster's own of that name.

    One of a kind that is made once is left as it is (hazards H3).
    """
    resource = BY_KIND[manifest["kind"]]
    if manifest["kind"] in MADE_ONCE:
        return found is None and create(client, spec, manifest)
    wanted = _marked(manifest)
    if found is None:
        _look_who_is_there(client, spec, resource, manifest["metadata"]["name"])
        try:
            client.apply(resource, wanted)
        except Conflict:
            _look_who_is_there(client, spec, resource, manifest["metadata"]["name"])
        return True
    if (found["metadata"].get("annotations") or {}).get(APPLIED) == wanted["metadata"]["annotations"][APPLIED]:
        return False
    client.apply(resource, wanted, force=True)
    return True


def create(client: Client, spec: ClusterSpec, manifest: Manifest) -> bool:
    """Make it unless it is there; whether it was made now. An error when another has its name."""
    resource = BY_KIND[manifest["kind"]]
    try:
        client.create(resource, manifest)
    except Conflict:
        _look_who_is_there(client, spec, resource, manifest["metadata"]["name"])
        return False
    return True


def _look_who_is_there(client: Client, spec: ClusterSpec, resource: Resource, name: str) -> None:
    """Nothing, or this cluster's own; else an error that says what is in the way."""
    there = client.get(resource, name)
    if there is not None and not names.is_of(there["metadata"].get("annotations"), spec):
        raise in_the_way(spec, resource, there)


def in_the_way(spec: ClusterSpec, resource: Resource, there: Mapping[str, Any]) -> KantoError:
    """A rest of an earlier cluster of this name goes by itself; anything else is a stranger's."""
    metadata = there["metadata"]
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    what = f"{resource.kind} {metadata['name']} in namespace {metadata.get('namespace', '')}"
    is_ours = labels.get(names.MANAGED_BY) == names.MANAGER
    if is_ours and annotations.get(names.EXACT_USER) == spec.user:
        return TemporaryError("clearing", f"{what} of an earlier cluster is not cleared away yet", retry_in=1.0)
    whose = "belongs to a cluster of another user" if is_ours else "was not made by kanto"
    return PermanentError(
        "name_taken", f"{what} is in the way: it {whose}", action="Remove it, or choose another cluster_tag"
    )


def _marked(manifest: Manifest) -> Manifest:
    mark = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()[:16]
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "annotations": {**metadata["annotations"], APPLIED: mark}}}
