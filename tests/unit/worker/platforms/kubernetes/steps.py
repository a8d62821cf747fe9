"""A cluster on the fake API server, and what a test looks at there."""

from collections.abc import Callable

from common.cluster import ClusterSpec
from tests.fake_kubernetes.objects import Json
from tests.fake_kubernetes.server import FakeKubernetes
from tests.homes import instances, record
from worker.core.observed import Instance
from worker.platforms.kubernetes.platform import KubernetesPlatform


def running(platform: KubernetesPlatform, spec: ClusterSpec) -> tuple[Instance, ...]:
    """Made from nothing; all instances run and serve."""
    platform.claim(spec, 1)
    platform.mirror(record(spec))
    platform.provision(spec, (), 1)
    repeat(lambda: all(i.phase == "running" for i in instances(platform, spec)))
    platform.serve(spec, [i.name for i in instances(platform, spec)], 1)
    return instances(platform, spec)


def repeat(holds: Callable[[], bool], *, times: int = 20) -> None:
    """The fake comes to rest within a few looks."""
    assert any(holds() for _ in range(times))


def keep(platform: KubernetesPlatform, spec: ClusterSpec) -> list[str]:
    return [i.identity for i in instances(platform, spec)]


def replicas(fake: FakeKubernetes, plural: str) -> list[int]:
    return [int(workload["spec"]["replicas"]) for workload in fake.objects.all(plural)]


def the_only(fake: FakeKubernetes, plural: str) -> Json:
    (found,) = fake.objects.all(plural)
    return found
