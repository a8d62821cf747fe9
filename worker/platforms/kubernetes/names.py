"""Names, labels and annotations of all objects of a cluster. Pure.

All begin with the cluster's name, `cdb-<tag>-<8 hex>` (25 characters at most), so that none is longer than 63:

| object | name |
| --- | --- |
| anchor Secret, Deployment, StatefulSet, the endpoint's Service, PodDisruptionBudget, NetworkPolicy | `<cluster>` |
| Secret of logins | `<cluster>-login` |
| headless Service of a StatefulSet | `<cluster>-peers` |
| with `rc`: ReplicationController, PersistentVolumeClaim and Service of an instance | `<cluster>-<ordinal>` |
| with `statefulset`: pod of an instance | `<cluster>-<ordinal>` |
| with `statefulset`: PersistentVolumeClaim of an instance | `data-<8 of incarnation>-<cluster>-<ordinal>` |
"""

import hashlib
import re

from common.cluster import ClusterSpec
from common.names import cluster_name, instance_name

MANAGER = "kanto"
"""kanto's name as field manager and in `app.kubernetes.io/managed-by`."""

NAME = "app.kubernetes.io/name"
INSTANCE_OF = "app.kubernetes.io/instance"
COMPONENT = "app.kubernetes.io/component"
MANAGED_BY = "app.kubernetes.io/managed-by"
USER = "kanto/user"
TAG = "kanto/cluster_tag"
INCARNATION = "kanto/incarnation"
INSTANCE = "kanto/instance"
"""The instance's name, where an object is of one: not on a Deployment's pods, whose own names are theirs."""

EXACT_USER = "kanto/exact-user"

FILLED = "kanto/filled"
"""The readiness gate: kanto sets this condition on a pod that is to serve (hazards H5)."""
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

PORT = 5984
PORT_NAME = "couchdb"

_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?")
_LONGEST = 63


def user_label(user: str) -> str:
    """A valid label's value for every valid username, of its own for each.

    The name itself where it is valid and could not be mistaken for a made-up one; else its valid letters, three dashes
    and 8 hex of a hash.
    """
    if len(user) <= _LONGEST and _LABEL.fullmatch(user) and "---" not in user:
        return user
    letters = re.sub(r"[^A-Za-z0-9_.-]", "-", user)[: _LONGEST - 11].strip("-_.")
    return f"{letters}---{hashlib.sha256(user.encode()).hexdigest()[:8]}".lstrip("-")


def workload(spec: ClusterSpec) -> str:
    """The cluster's own name."""
    return cluster_name(spec.user, spec.tag)


def login(spec: ClusterSpec) -> str:
    return f"{workload(spec)}-login"


def peers(spec: ClusterSpec) -> str:
    return f"{workload(spec)}-peers"


def instance(spec: ClusterSpec, ordinal: int) -> str:
    return instance_name(workload(spec), ordinal)


def claim_template(spec: ClusterSpec) -> str:
    """Of a StatefulSet's claims.

    Its controller takes any claim of the right name, and so must never find one of an earlier cluster of this name.
    """
    return f"data-{hashlib.sha256(spec.incarnation.encode()).hexdigest()[:8]}"


def claim(spec: ClusterSpec, ordinal: int) -> str:
    """The claim of a StatefulSet's instance, as its controller names it."""
    return f"{claim_template(spec)}-{instance(spec, ordinal)}"


def ordinal(spec: ClusterSpec, name: str) -> int | None:
    """The ordinal in an instance's name; None for what is no such name of this cluster."""
    head, dash, tail = name.rpartition("-")
    known = bool(dash) and head == workload(spec) and tail.isdecimal() and str(int(tail)) == tail
    return int(tail) if known else None


def selector(spec: ClusterSpec) -> dict[str, str]:
    """Labels that all pods of this very cluster have and no others, not even of an earlier one of its name."""
    return {INSTANCE_OF: workload(spec), INCARNATION: incarnation_label(spec)}


def list_selector(spec: ClusterSpec) -> str:
    """The same, as the API's `label_selector` wants it."""
    return ",".join(f"{key}={value}" for key, value in selector(spec).items())


def incarnation_label(spec: ClusterSpec) -> str:
    return user_label(spec.incarnation)


def labels(spec: ClusterSpec, *, component: str, instance: str | None = None) -> dict[str, str]:
    """Of every object of a cluster. `component`: anchor, login, endpoint, peers, instance, policy."""
    return {
        NAME: "couchdb",
        INSTANCE_OF: workload(spec),
        COMPONENT: component,
        MANAGED_BY: MANAGER,
        USER: user_label(spec.user),
        TAG: spec.tag,
        INCARNATION: incarnation_label(spec),
        **({} if instance is None else {INSTANCE: instance}),
    }


def annotations(spec: ClusterSpec) -> dict[str, str]:
    """The exact owner and incarnation, which whoever finds an object of this name compares (hazards H22)."""
    return {EXACT_USER: spec.user, INCARNATION: spec.incarnation}


def is_of(annotations: dict[str, str] | None, spec: ClusterSpec) -> bool:
    """Whether an object with these annotations is of this very cluster."""
    found = annotations or {}
    return found.get(EXACT_USER) == spec.user and found.get(INCARNATION) == spec.incarnation


def peer_address(spec: ClusterSpec, ordinal: int, *, namespace: str) -> str:
    """The URL by which kanto and siblings reach an instance with a name of its own (rc, statefulset), ready or not."""
    host = instance(spec, ordinal)
    if spec.spawner == "statefulset":
        host = f"{host}.{peers(spec)}"
    return f"http://{host}.{namespace}.svc:{PORT}"
