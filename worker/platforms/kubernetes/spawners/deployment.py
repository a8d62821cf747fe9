"""One Deployment and one Service, as kanto began: no volumes, a ring over the pods' own addresses.

An instance is a pod, and its data live as long as the pod. Which pod leaves is kanto's choice, by its deletion cost.
"""

from collections.abc import Sequence

from worker.platforms.kubernetes import names, policies, services
from worker.platforms.kubernetes.frame import Frame, Manifest, metadata
from worker.platforms.kubernetes.pod import build_template

claims = False
named = False


def build(frame: Frame, ordinals: Sequence[int]) -> tuple[Manifest, ...]:
    """Only the number of ordinals counts."""
    return (
        services.build_endpoint(frame),
        policies.build_disruption_budget(frame),
        policies.build_network_policy(frame),
        _build_deployment(frame, replicas=len(ordinals)),
    )


def _build_deployment(frame: Frame, *, replicas: int) -> Manifest:
    """Its volume is an explicit emptyDir: the image's own would be new at each restart of a container (hazards H9)."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(frame, frame.cluster, component="instance"),
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 1,
            "selector": {"matchLabels": names.selector(frame.spec)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": build_template(frame, instance=None, data={"emptyDir": {}}),
        },
    }
