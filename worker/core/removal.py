"""The end of a cluster, from every state it can be in. Pure."""

from dataclasses import replace

from common.view import Reason
from worker.core.actions import Apply, Done, Plan, Remove, Wait
from worker.core.memory import Memory
from worker.core.observed import Platformed

REMOVE_EVERY = 0.25
"""Seconds between two Remove, which is called until nothing is left."""


def decide(platform: Platformed, memory: Memory, now: float) -> tuple[Plan, Memory]:
    """Remove until nothing is left, once at least: what cannot be seen from here (a half-made anchor) goes too."""
    is_left = bool(platform.instances) or platform.endpoint is not None
    if memory.removed and not is_left:
        return Done("deleting"), memory
    left = len(platform.instances)
    reason = Reason("removing", f"{left} instances are being removed" if left else "the cluster is being removed")
    if memory.removed and now < memory.remove_after:
        return Wait((reason,), memory.remove_after), memory
    moved = memory if memory.removed else memory.but(moved_at=now)
    return Apply((Remove(),), (reason,)), replace(moved, removed=True, remove_after=now + REMOVE_EVERY)
