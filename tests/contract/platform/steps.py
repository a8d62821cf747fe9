"""What the tests do again and again, with the patience that a place needs where things come and go by and by."""

from collections.abc import Sequence
from dataclasses import replace

from common.cluster import ClusterSpec
from common.errors import TemporaryError
from tests.homes import SPEC, instances, look, record, until
from worker.core.observed import Instance, Platformed
from worker.ports import Platform


def is_empty(platform: Platform, spec: ClusterSpec = SPEC) -> bool:
    """Whether nothing is seen of the cluster."""
    seen = look(platform, spec)
    return seen == Platformed(namespace=seen.namespace)


def claim(platform: Platform, spec: ClusterSpec, fence: int) -> None:
    """A place where things go by and by may have to clear away an earlier cluster first."""

    def is_claimed() -> bool:
        try:
            platform.claim(spec, fence)
        except TemporaryError:
            return False
        return True

    until(is_claimed, "it is claimed")


def serve(platform: Platform, names: Sequence[str], spec: ClusterSpec = SPEC) -> None:
    """As the engine does: again until it is so. An instance that is just being made cannot serve yet."""

    def do_serve() -> bool:
        platform.serve(spec, names, 1)
        return [i.name for i in instances(platform, spec) if i.serving] == list(names)

    until(do_serve, f"exactly these serve: {', '.join(names)}")


def make(platform: Platform, spec: ClusterSpec = SPEC, *, fence: int = 1) -> None:
    """A cluster all of whose instances can be seen, running or not."""
    claim(platform, spec, fence)
    platform.mirror(record(spec, fence=fence))
    provision(platform, spec, fence=fence)


def provision(platform: Platform, spec: ClusterSpec = SPEC, *, fence: int = 1) -> None:
    platform.provision(spec, [i.identity for i in instances(platform, spec)], fence)
    until(lambda: len(instances(platform, spec)) >= spec.replicas, "all instances are there")


def wait_until_running(platform: Platform, spec: ClusterSpec = SPEC) -> None:
    """As the engine does: what is down or missing is provisioned again."""

    def are_running() -> bool:
        seen = instances(platform, spec)
        if len(seen) < spec.replicas or any(i.phase == "down" for i in seen):
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
        return is_empty(platform, gone)

    until(is_gone, "nothing is left")
