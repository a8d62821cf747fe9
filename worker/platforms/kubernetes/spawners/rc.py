"""One ReplicationController of one pod, one PersistentVolumeClaim and one Service for each instance."""

from collections.abc import Sequence

from worker.platforms.kubernetes import names, policies, services
from worker.platforms.kubernetes.claims import build_claim
from worker.platforms.kubernetes.frame import Frame, Manifest, metadata
from worker.platforms.kubernetes.pod import build_template

claims = True
named = True


def build(frame: Frame, ordinals: Sequence[int]) -> tuple[Manifest, ...]:
    """Any ordinals will do: each instance stands for itself."""
    return (
        services.build_endpoint(frame),
        policies.build_disruption_budget(frame),
        policies.build_network_policy(frame),
        *(part for ordinal in ordinals for part in build_instance(frame, ordinal)),
    )


def build_instance(frame: Frame, ordinal: int) -> tuple[Manifest, ...]:
    """Its three objects, all of one name."""
    return services.build_peer(frame, ordinal), build_claim(frame, ordinal), _build_controller(frame, ordinal)


def _build_controller(frame: Frame, ordinal: int) -> Manifest:
    name = names.instance(frame.spec, ordinal)
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": metadata(frame, name, component="instance", instance=name),
        "spec": {
            "replicas": 1,
            "selector": names.selector(frame.spec) | {names.INSTANCE: name},
            "template": build_template(frame, instance=name, data={"persistentVolumeClaim": {"claimName": name}}),
        },
    }
