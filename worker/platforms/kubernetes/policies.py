"""What protects a cluster's pods: from too many evictions at once, and from who has no business there. Pure."""

from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.frame import Frame, Manifest, metadata
from worker.platforms.kubernetes.shape import Client


def build_disruption_budget(frame: Frame) -> Manifest:
    """One instance at a time. One that is not filled counts as away, so that its last source is not evicted too."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(frame, frame.cluster, component="policy"),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": names.selector(frame.spec)}},
    }


def build_network_policy(frame: Frame) -> Manifest:
    """CouchDB's port and no other: for kanto, siblings, and the clients of the settings.

    Without a setting clients are everyone, since an endpoint that answers nobody would surprise more than one that
    asks for a password. What goes out is not limited: users replicate to where they like.
    """
    clients = frame.shape.clients
    ingress: Manifest = {"ports": [{"port": names.PORT, "protocol": "TCP"}]}
    if clients is not None:
        ingress["from"] = [_kanto(frame), _siblings(frame), *(_peer(client) for client in clients)]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(frame, frame.cluster, component="policy"),
        "spec": {
            "podSelector": {"matchLabels": names.selector(frame.spec)},
            "policyTypes": ["Ingress"],
            "ingress": [ingress],
        },
    }


def _kanto(frame: Frame) -> Manifest:
    return _of_namespace(frame.shape.kanto_namespace) | {"podSelector": {"matchLabels": {names.NAME: names.MANAGER}}}


def _siblings(frame: Frame) -> Manifest:
    return {"podSelector": {"matchLabels": names.selector(frame.spec)}}


def _peer(client: Client) -> Manifest:
    if client.cidr:
        return {"ipBlock": {"cidr": client.cidr}}
    if client.namespace:
        return _of_namespace(client.namespace)
    return {"podSelector": {"matchLabels": dict(client.pods)}}


def _of_namespace(name: str) -> Manifest:
    """By the label that every namespace has since Kubernetes 1.22."""
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
