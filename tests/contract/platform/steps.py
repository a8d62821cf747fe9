"""What the tests do again and again, with the patience that a place needs where things come and go by and by."""

from dataclasses import replace

from common.cluster import ClusterSpec
from tests.homes import SPEC, instances, record, until
from worker.core.observed import Instance, Platformed
from worker.ports import Platform


def make(platform: Platform, spec: ClusterSpec = SPEC, *, fence: int = 1) -> None:
    """A cluster all of whose instances can be seen, running or not."""
    platform.claim(spec, fence)
    platform.mirror(record(spec, fence=fence))
    provision(platform, spec, fence=fence)


def provision(platform: Platform, spec: ClusterSpec = SPEC, *, fence: int = 1) -> None:
    platform.provision(spec, [i.identity for i in instances(platform, spec)], fence)
    until(lambda: len(instances(platform, spec)) >= spec.replicas, "all instances are there")


def wait_until_running(platform: Platform, spec: ClusterSpec = SPEC) -> None:
    """As the engine does: what is down is provisioned again."""

    def are_running() -> bool:
        seen = instances(platform, spec)
        if any(i.phase == "down" for i in seen):
            platform.provision(spec, [i.identity for i in seen], 1)
        return len(seen) >= spec.replicas and all(i.phase == "running" for i in instances(platform, spec))

    until(are_running, "all instances run")


def retire(platform: Platform, instance: Instance, spec: ClusterSpec = SPEC) -> None:
    def is_gone() -> bool:
        platform.retire(spec, instance, 1)
        return instance.identity not in {i.identity for i in instances(platform, spec)}

    until(is_gone, "it is gone")


def remove(platform: Platform, spec: ClusterSpec = SPEC, *, fence: int = 1) -> None:
    gone = replace(spec, deleted=True)

    def is_gone() -> bool:
        platform.remove(gone, fence)
        return platform.observe(gone) == Platformed()

    until(is_gone, "nothing is left")
