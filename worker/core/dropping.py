"""Databases that a user took off the saved list and wants gone everywhere: dropped once, and by name. Pure.

A drop has an id of its own. When it is done this id is remembered beside what outlives Redis, so that a database that
somebody makes later under the same name is nobody's to drop, whatever becomes of the spec.
"""

from dataclasses import replace

from common.view import Reason
from worker.core.actions import DropDatabases
from worker.core.memory import Memory
from worker.core.observed import Instance
from worker.core.says import Says
from worker.core.situation import Situation

AT_ONCE = 100
"""Databases of one instance in one action, so that it ends well within its step."""


def noticed(s: Situation) -> Memory:
    """The drop is done once every instance was seen to have none of its databases."""
    drop = s.spec.drop
    if drop is None or drop.id == s.memory.durable.dropped or not s.instances:
        return s.memory
    if any(i.name not in s.nodes or held(s, i) for i in s.instances) or still_linked(s):
        return s.memory
    return s.memory.but(durable=replace(s.memory.durable, dropped=drop.id))


def held(s: Situation, instance: Instance) -> tuple[str, ...]:
    """What is to be dropped and is still there."""
    return tuple(sorted(s.dropping & set(s.nodes[instance.name].databases)))


def still_linked(s: Situation) -> bool:
    return any(wanted.database in s.dropping for wanted in s.found)


def the_dropped_go(s: Situation) -> Says:
    """On every instance, once nothing of kanto's replicates them. One that is silent is waited for.

    On those that leave too: a drain would bring back what an instance still has.
    """
    if not s.dropping:
        return Says()
    reasons = []
    actions = []
    for instance in s.instances:
        if instance.name not in s.nodes:
            text = f"{instance.name} does not answer, and may still have {listed(s.dropping)}"
            reasons.append(Reason("dropping", text, instance.name))
        elif names := held(s, instance):
            reasons.append(Reason("dropping", f"{instance.name} still has {listed(names)}", instance.name))
            actions.append(DropDatabases(instance.name, names[:AT_ONCE]))
    if still_linked(s):
        return Says(reasons=(Reason("dropping", f"{listed(s.dropping)} is still replicated"), *reasons))
    return Says(tuple(actions), tuple(reasons))


def listed(names: frozenset[str] | tuple[str, ...]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")
