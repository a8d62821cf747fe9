"""Where everything of a home's clusters lies. Pure.

<home>/clusters/
    .locks/<cluster>      taken by whoever changes anything of the cluster; its text: the last fence of a removed one
    .locks/ports          taken while ports are chosen
    .aside/               folders on their way out
    .changed              touched when a process is started or a cluster goes, so that keepers look again
    <cluster>/
        anchor.json       owner, incarnation, fencing number, the endpoint's port, the mirror record
        credentials.json  made once
        endpoint.json     what the balancer reads: where it listens, who serves
        balancer/         its process, lock and log
        instances/<n>/    identity.json, data/, etc/ (kanto.ini, server.ini), its process, lock, log and starts
"""

from dataclasses import dataclass
from pathlib import Path

from common.cluster import ClusterSpec
from common.names import cluster_name


@dataclass(frozen=True, slots=True)
class InstancePlace:
    """The folder of one instance."""

    folder: Path

    @property
    def identity(self) -> Path:
        return self.folder / "identity.json"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def settings(self) -> Path:
        return self.folder / "etc"

    @property
    def starts(self) -> Path:
        return self.folder / "starts.json"


@dataclass(frozen=True, slots=True)
class ClusterPlace:
    """The folder of one cluster."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def anchor(self) -> Path:
        return self.folder / "anchor.json"

    @property
    def credentials(self) -> Path:
        return self.folder / "credentials.json"

    @property
    def endpoint(self) -> Path:
        return self.folder / "endpoint.json"

    @property
    def balancer(self) -> Path:
        return self.folder / "balancer"

    @property
    def instances(self) -> Path:
        return self.folder / "instances"

    @property
    def lock(self) -> Path:
        return self.folder.parent / ".locks" / self.name

    def instance(self, ordinal: int) -> InstancePlace:
        return InstancePlace(self.instances / str(ordinal))

    def ordinals(self) -> tuple[int, ...]:
        """Of the instances that are there, lowest first."""
        if not self.instances.is_dir():
            return ()
        return tuple(sorted(int(entry.name) for entry in self.instances.iterdir() if entry.name.isdecimal()))


@dataclass(frozen=True, slots=True)
class HomePlace:
    """The folder of all clusters of a home."""

    folder: Path

    @classmethod
    def of(cls, home: Path) -> "HomePlace":
        return cls(home.absolute() / "clusters")

    @property
    def locks(self) -> Path:
        return self.folder / ".locks"

    @property
    def port_lock(self) -> Path:
        return self.locks / "ports"

    @property
    def aside(self) -> Path:
        return self.folder / ".aside"

    @property
    def changed(self) -> Path:
        return self.folder / ".changed"

    def cluster(self, spec: ClusterSpec) -> ClusterPlace:
        return ClusterPlace(self.folder / cluster_name(spec.user, spec.tag))

    def clusters(self) -> tuple[ClusterPlace, ...]:
        """Those that have a folder, by name."""
        if not self.folder.is_dir():
            return ()
        return tuple(ClusterPlace(f) for f in sorted(self.folder.iterdir()) if f.is_dir() and f.name[0] != ".")
