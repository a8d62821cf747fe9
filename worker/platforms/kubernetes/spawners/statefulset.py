"""One StatefulSet: stable names, volumes that are kept, all pods started at once. What kanto recommends."""

from collections.abc import Sequence

from worker.platforms.kubernetes import names, policies, services
from worker.platforms.kubernetes.claims import build_claim_template
from worker.platforms.kubernetes.frame import Frame, Manifest, metadata
from worker.platforms.kubernetes.pod import build_template

claims = True
named = True


def build(frame: Frame, ordinals: Sequence[int]) -> tuple[Manifest, ...]:
    """ValueError for ordinals that are not all from 0 on: a StatefulSet has no gaps."""
    if tuple(ordinals) != tuple(range(len(ordinals))):
        raise ValueError(f"a StatefulSet has all ordinals from 0 on, not {list(ordinals)}")
    return (
        services.build_endpoint(frame),
        services.build_peers(frame),
        policies.build_disruption_budget(frame),
        policies.build_network_policy(frame),
        _build_stateful_set(frame, replicas=len(ordinals)),
    )


def _build_stateful_set(frame: Frame, *, replicas: int) -> Manifest:
    """Nothing but kanto replaces its pods or removes a claim; when it is deleted, its claims go with it."""
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata(frame, frame.cluster, component="instance"),
        "spec": {
            "replicas": replicas,
            "serviceName": names.peers(frame.spec),
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "OnDelete"},
            "revisionHistoryLimit": 1,
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
            "selector": {"matchLabels": names.selector(frame.spec)},
            "template": build_template(frame, instance=None, data=names.claim_template(frame.spec)),
            "volumeClaimTemplates": [build_claim_template(frame)],
        },
    }
