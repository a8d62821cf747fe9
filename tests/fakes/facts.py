"""What must be true of the steps that many workers took, as the journals and the fakes tell it."""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from tests.fakes.fleet import Step
from tests.fakes.platform import ClusterFiles

Asked = Sequence[tuple[float, str, str]]
"""When (monotonic), which host, and what: each request that changed something."""


def by_cluster(steps: Sequence[Step]) -> dict[str, list[Step]]:
    """The steps of each cluster in order of their begin."""
    found: dict[str, list[Step]] = {}
    for step in sorted(steps, key=lambda step: step.began):
        found.setdefault(step.key, []).append(step)
    return found


def check_leases(steps: Sequence[Step], *, killed: Collection[int] = ()) -> None:
    """Every step had a lease of its own, and none of a cluster began before the one before had ended.

    Only a worker that was killed may leave a step without an end.
    """
    assert len({(step.key, step.fence) for step in steps}) == len(steps), "two steps under one lease"
    for key, own in by_cluster(steps).items():
        for one, other in pairwise(own):
            assert other.fence > one.fence, f"{key}: a later lease has a lower number: {one}, {other}"
            assert one.ended is not None or one.worker in killed, f"{key}: a step without an end: {one}"
            assert one.ended is None or one.ended <= other.began, f"{key} was worked on by two at once: {one}, {other}"


def check_changes(asked: Asked, steps: Sequence[Step], clusters: Mapping[str, str]) -> None:
    """Each change was asked for within a step of the cluster it was made in. `clusters` are the clusters' by host."""
    own = by_cluster(steps)
    for at, host, what in asked:
        spans = own[clusters[host]]
        held = [
            step
            for step, after in zip(spans, [*spans[1:], None], strict=True)
            if step.began <= at <= (step.ended or (after.began if after is not None else float("inf")))
        ]
        assert len(held) == 1, f"{clusters[host]}: {what} at {at} was in {len(held)} steps"


def clusters_by_host(folder: Path) -> dict[str, str]:
    """Which cluster the instance at each host is of."""
    return {
        str(urlsplit(instance.address).hostname): str(cluster.key)
        for cluster in ClusterFiles(folder).values()
        for instance in cluster.instances.values()
    }
