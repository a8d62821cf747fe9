"""The platform in memory, with what a history does to it."""

from tests.twins.platform import MemoryCluster, MemoryPlatform


class SimulatedPlatform(MemoryPlatform):
    """Instances die by their cluster, whoever knows of it."""

    def kill_of(self, cluster: MemoryCluster, ordinal: int, *, has_data: bool, moves: bool) -> None:
        if cluster.record is not None:
            self.kill(cluster.record.spec, ordinal, has_data=has_data, moves=moves)
