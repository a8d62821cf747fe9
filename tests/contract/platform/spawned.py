"""Kubernetes' platform for the contract suite, whose specs name no spawner of its, and what its places share."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from common.cluster import ClusterSpec, MirrorRecord, Spawner
from worker.core.observed import Instance, Platformed, Unknown
from worker.platforms.kubernetes import names
from worker.ports import Credentials, Platform


class Spawned:
    """A platform for clusters of one spawner, whatever the specs of the tests say."""

    def __init__(self, platform: Platform, spawner: Spawner) -> None:
        self._platform = platform
        self._spawner = spawner

    def _meant(self, spec: ClusterSpec) -> ClusterSpec:
        return replace(spec, spawner=self._spawner)

    def observe(self, spec: ClusterSpec) -> Platformed | Unknown:
        return self._platform.observe(self._meant(spec))

    def credentials(self, spec: ClusterSpec) -> Credentials | Unknown:
        return self._platform.credentials(self._meant(spec))

    def claim(self, spec: ClusterSpec, fence: int) -> None:
        self._platform.claim(self._meant(spec), fence)

    def mirror(self, record: MirrorRecord) -> None:
        self._platform.mirror(replace(record, spec=self._meant(record.spec)))

    def records(self) -> Iterable[MirrorRecord] | Unknown:
        found = self._platform.records()
        if isinstance(found, Unknown):
            return found
        return tuple(replace(record, spec=replace(record.spec, spawner="process")) for record in found)

    def provision(self, spec: ClusterSpec, keep: Sequence[str], fence: int) -> None:
        self._platform.provision(self._meant(spec), keep, fence)

    def serve(self, spec: ClusterSpec, names: Sequence[str], fence: int) -> None:
        self._platform.serve(self._meant(spec), names, fence)

    def retire(self, spec: ClusterSpec, instance: Instance, fence: int) -> None:
        self._platform.retire(self._meant(spec), instance, fence)

    def remove(self, spec: ClusterSpec, fence: int) -> None:
        self._platform.remove(self._meant(spec), fence)


@dataclass(kw_only=True)
class PodHost:
    """An instance dies with its pod; a new pod gets no traffic before kanto says so. `ends` ends what was made."""

    spawner: Spawner
    ends: ExitStack
    keeps_place: bool = False
    keeps_data: bool = field(init=False)
    has_ordinals: bool = field(init=False)

    def __post_init__(self) -> None:
        self.keeps_data = self.has_ordinals = self.spawner != "deployment"

    def claim_of(self, spec: ClusterSpec, name: str) -> str | None:
        """The name of the volume claim of an instance; None where there are none."""
        if self.spawner == "deployment":
            return None
        if self.spawner == "rc":
            return name
        ordinal = names.ordinal(spec, name)
        assert ordinal is not None
        return names.claim(spec, ordinal)
