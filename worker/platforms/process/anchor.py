"""The anchor of a cluster: whose it is, the fencing number, and the mirror of its record (hazards H18, H21, H22)."""

from dataclasses import dataclass
from pathlib import Path

from common.cluster import ClusterKey, ClusterSpec, MirrorRecord
from common.codec import decode, encode
from worker.platforms.process import files


@dataclass(frozen=True, slots=True)
class Anchor:
    """What outlives Redis. `port` is the endpoint's, chosen once; `record` is None until the first mirror."""

    user: str
    tag: str
    incarnation: str
    fence: int
    port: int | None = None
    record: MirrorRecord | None = None

    @property
    def key(self) -> ClusterKey:
        return ClusterKey(self.user, self.tag)

    def is_of(self, spec: ClusterSpec) -> bool:
        """Whether it belongs to this owner and this very cluster, not to one that had the name before."""
        return self.key == spec.key and self.incarnation == spec.incarnation

    @property
    def is_deleted(self) -> bool:
        return self.record is not None and self.record.spec.deleted


def load(path: Path) -> Anchor | None:
    """None when there is none; PermanentError when it cannot be read."""
    text = files.read(path)
    return None if text is None else decode(Anchor, text)


def save(path: Path, anchor: Anchor) -> None:
    files.write(path, encode(anchor))
