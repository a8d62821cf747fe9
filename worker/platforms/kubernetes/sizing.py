"""Which instances a cluster is to have: as many as asked for, and every one that has not retired (hazards H1). Pure."""

from collections.abc import Sequence

from common.cluster import ClusterSpec
from worker.platforms.kubernetes.sight import Sight, is_going, is_live, replicas, uid


def ordinals(spec: ClusterSpec, sight: Sight, keep: Sequence[str]) -> tuple[int, ...]:
    """What the spawner is to build. What is there is in it, but for what is being retired."""
    match spec.spawner:
        case "deployment":
            return tuple(range(_pods(spec, sight, keep)))
        case "statefulset":
            return tuple(range(_highest(spec, sight) + 1))
        case _:
            return _any(spec, sight)


def _pods(spec: ClusterSpec, sight: Sight, keep: Sequence[str]) -> int:
    """Pods are counted, whoever they are; one that another worker has seen and this one not yet counts too."""
    there = {uid(pod) for pod in sight.pods if is_live(pod)}
    current = replicas(sight.workload) if sight.workload else 0
    return max(current, spec.replicas, len(there & set(keep)))


def _highest(spec: ClusterSpec, sight: Sight) -> int:
    current = replicas(sight.workload) if sight.workload else 0
    staying = [ordinal for ordinal in sight.claims_by_ordinal if not is_going(sight, ordinal)]
    return max(current - 1, spec.replicas - 1, *staying, 0)


def _any(spec: ClusterSpec, sight: Sight) -> tuple[int, ...]:
    """The lowest free ones for what is missing. An ordinal in use by what is being retired is not free."""
    known = sight.claims_by_ordinal
    staying = [ordinal for ordinal in known if not is_going(sight, ordinal)]
    missing = max(spec.replicas - len(staying), 0)
    free = (ordinal for ordinal in range(len(known) + missing) if ordinal not in known)
    return tuple(sorted([*staying, *(ordinal for ordinal, _ in zip(free, range(missing), strict=False))]))
