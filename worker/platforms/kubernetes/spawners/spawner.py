"""What a spawner is, and which there are."""

from collections.abc import Sequence
from typing import Protocol

from common.cluster import Spawner as SpawnerName
from common.errors import PermanentError
from worker.platforms.kubernetes.frame import Frame, Manifest
from worker.platforms.kubernetes.spawners import deployment, rc, statefulset


class Spawner(Protocol):
    """A module with these; none of it does I/O.

    `claims` says whether instances have PersistentVolumeClaims, `named` whether they keep a name and an address of
    their own (else a pod's own name is the instance's, and its IP the address).
    """

    claims: bool
    named: bool

    def build(self, frame: Frame, ordinals: Sequence[int]) -> tuple[Manifest, ...]:
        """All objects for exactly these instances but anchor and login, in the order in which they are to be made.

        `ordinals` is sorted, without repetition. A Deployment only counts them; a StatefulSet has all from 0 on, so
        that ordinals with a gap are a ValueError. The caller sees to it that no instance is left out that has not yet
        retired (hazards H1), and of what exists already applies only what module `sizes` allows (hazards H3).
        """
        ...


_KNOWN: dict[str, Spawner] = {"deployment": deployment, "rc": rc, "statefulset": statefulset}


def find(name: SpawnerName) -> Spawner:
    """The spawner of this name; PermanentError for `process`, which is none."""
    if name not in _KNOWN:
        raise PermanentError(
            "wrong_platform",
            f"a cluster whose instances are of the kind {name} does not run on Kubernetes",
            action="Run kanto with the KANTO_PLATFORM it was made with, or delete the cluster and make another",
        )
    return _KNOWN[name]
