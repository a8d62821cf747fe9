"""The Services of a cluster: its endpoint, and what siblings find each other by. Pure."""

from worker.platforms.kubernetes import names
from worker.platforms.kubernetes.frame import Frame, Manifest, metadata


def build_endpoint(frame: Frame) -> Manifest:
    """The one address of a cluster: every pod of it that is ready, which it is not before kanto lets it serve (H5)."""
    return _build(frame, frame.cluster, component="endpoint", spec={"type": frame.shape.service_type})


def build_peers(frame: Frame) -> Manifest:
    """Names of a StatefulSet's pods, ready or not: they are filled before they serve."""
    spec = {"clusterIP": "None", "publishNotReadyAddresses": True}
    return _build(frame, names.peers(frame.spec), component="peers", spec=spec)


def build_peer(frame: Frame, ordinal: int) -> Manifest:
    """The stable address of one instance, ready or not, whichever pod carries it now."""
    name = names.instance(frame.spec, ordinal)
    return _build(
        frame, name, component="peers", instance=name, spec={"type": "ClusterIP", "publishNotReadyAddresses": True}
    )


def _build(frame: Frame, name: str, *, component: str, spec: Manifest, instance: str | None = None) -> Manifest:
    selector = names.selector(frame.spec) | ({} if instance is None else {names.INSTANCE: instance})
    port = {"name": names.PORT_NAME, "port": names.PORT, "targetPort": names.PORT_NAME, "protocol": "TCP"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(frame, name, component=component, instance=instance),
        "spec": {**spec, "selector": selector, "ports": [port]},
    }
