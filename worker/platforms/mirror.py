"""What an anchor takes as its mirror: one rule for all platforms (hazards H21)."""

from dataclasses import replace

from common.cluster import MirrorRecord
from common.errors import OlderCopy
from common.store.rules import mirror_conflict


def is_news(kept: MirrorRecord | None, given: MirrorRecord) -> bool:
    """Whether there is anything to write; the anchor has the fencing number by itself.

    OlderCopy for a version below the one that is kept, PermanentError `mirror_conflict` for another spec under it. Both
    are of one incarnation. Versions come from one counter and a spec never comes back under its former one, a cancel's
    neither: so whoever has a lower one was told by a Redis that came back without its last writes.
    """
    if kept is None:
        return True
    if given.version < kept.version:
        raise OlderCopy(
            f"the platform has version {kept.version} of {given.spec.key}, and Redis an older one, {given.version}"
        )
    if given.version == kept.version and given.spec != kept.spec:
        raise mirror_conflict(given)
    return replace(kept, fence=given.fence) != given
