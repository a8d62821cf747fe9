"""What a platform destroyed: data that are gone although nobody retired them (hazards H4, H6). Pure.

kanto looks at a cluster now and then, so it cannot know of the last writes to an instance that its platform destroyed:
it says who was lost, and since when nothing of it is sure to be elsewhere.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime

from common.cluster import Durable, Loss
from common.view import Reason
from worker.core.memory import Home, Memory
from worker.core.says import Says
from worker.core.situation import Situation

MOST_LOSSES = 10
"""So many are kept, the latest ones: a cluster that loses more between two changes of its owner is not for counting."""

MOST_UNSAVED = 5

NOT_FILLED = ""
"""In the place of the uuid of one that is retired and was never filled: given back it is as empty as before."""


DATA = "data_lost"
"""What stands for all data at once among what was told."""


def acknowledged(durable: Durable, version: int, told: Collection[str]) -> Durable:
    """A user's change acknowledges what he was told before it. What he could not know of is told after it."""
    losses = tuple(
        replace(loss, version=version) for loss in durable.losses if loss.version == version or loss.uuid not in told
    )
    is_known = durable.data_lost_in != version and DATA in told
    lost_in = None if durable.data_lost_in is None or is_known else version
    return replace(durable, losses=losses, data_lost_in=lost_in)


def said(memory: Memory) -> Memory:
    """All rules were heard, so that what was lost is in the reasons of this look."""
    durable, version = memory.durable, memory.version
    uuids = {loss.uuid for loss in durable.losses if loss.version == version}
    everything = {DATA} if durable.data_lost_in == version else set()
    return memory.but(told=tuple(sorted({*memory.told, *uuids, *everything})))


def retiring(memory: Memory, identities: list[str]) -> Memory:
    """These are about to be retired: whoever of them is gone from now on was not lost."""
    known = {
        identity: memory.homes[identity].uuid if memory.homes[identity].uuid in memory.durable.filled else NOT_FILLED
        for identity in identities
        if identity in memory.homes
    }
    filled = tuple(uuid for uuid in memory.durable.filled if uuid not in known.values())
    return memory.but(
        durable=replace(memory.durable, filled=filled),
        retiring={**memory.retiring, **known},
        homes={identity: home for identity, home in memory.homes.items() if identity not in known},
    )


def given_back(s: Situation) -> Memory:
    """One that was to be retired and is there all the same: it has its data if it stays, or nobody else has."""
    memory = s.memory
    back, left = [], {}
    for identity, uuid in memory.retiring.items():
        instance = next((i for i in s.instances if i.identity == identity), None)
        if instance is None:
            continue
        node = s.nodes.get(instance.name)
        stays = identity not in memory.durable.leavers or not s.up
        if stays and node is not None and uuid in (node.uuid, NOT_FILLED):
            back += [uuid] if uuid != NOT_FILLED else []
        else:
            left[identity] = uuid
    filled = tuple(sorted({*memory.durable.filled, *back}))
    return memory.but(retiring=left, durable=replace(memory.durable, filled=filled))


def noticed(s: Situation) -> Memory:
    """Whose data are gone since the last look, and what everybody holds at this one."""
    memory, there = s.memory, {i.identity: i for i in s.instances}
    answers = {i.identity: s.nodes[i.name] for i in s.instances if i.name in s.nodes}
    kept, lost = {}, []
    for identity, home in memory.homes.items():
        node = answers.get(identity)
        if identity in there and (node is None or node.uuid == home.uuid):
            kept[identity] = home
        else:
            lost.append(home)
    for identity in answers:
        if identity not in memory.retiring:
            kept[identity] = home_of(s, there[identity].name, kept.get(identity))
    present = {node.uuid for node in answers.values()}
    lost += orphans(s, {*present, *(home.uuid for home in lost), *memory.retiring.values()})
    return memory.but(homes=kept, durable=with_losses(s, lost, present))


def orphans(s: Situation, accounted: set[str]) -> list[Home]:
    """Filled data that nobody has, when everybody was asked: the notes on whose they were are lost."""
    if not s.instances or any(i.name not in s.nodes for i in s.instances):
        return []
    return [Home("", uuid) for uuid in s.memory.durable.filled if uuid not in accounted]


def home_of(s: Situation, name: str, known: Home | None) -> Home:
    node = s.nodes[name]
    unsaved = tuple(d for d in node.databases if d not in s.databases and not d.startswith("_"))[:MOST_UNSAVED]
    passed_at = s.now if is_passed_on(s, name) else known.passed_at if known else None
    return Home(name, node.uuid, passed_at, unsaved)


def is_passed_on(s: Situation, name: str) -> bool:
    """Whether nothing of the saved list waits to leave this instance, as far as its CouchDB says."""
    wanted = s.wanted_from(name)
    return bool(wanted) and all(
        (found := s.found.get(w)) is not None and found.is_sound and found.state == "running" and found.pending == 0
        for w in wanted
    )


def with_losses(s: Situation, lost: list[Home], present: set[str]) -> Durable:
    """The record of what was lost; data that are there again after all were not."""
    durable, gone = s.memory.durable, {home.uuid for home in lost} - present
    new = [Loss(home.name, home.uuid, s.memory.version, describe(home)) for home in lost if home.uuid in gone]
    losses = [loss for loss in durable.losses if loss.uuid not in present] + new
    filled = tuple(uuid for uuid in durable.filled if uuid not in gone)
    return replace(durable, losses=tuple(losses[-MOST_LOSSES:]), filled=filled)


def describe(home: Home) -> str:
    who = home.name or f"an instance with data of uuid {home.uuid}"
    since = f" after {moment(home.passed_at)}" if home.passed_at is not None else ""
    text = f"{who} was lost by its platform: what was written to it{since} and had not reached another instance is gone"
    if home.unsaved:
        text += f", and so is all that it alone held of {', '.join(home.unsaved)}, which no replication covers"
    return text


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def what_was_lost_is_told(s: Situation) -> Says:
    """Said until a user's next change acknowledges it."""
    version = s.memory.version
    if s.memory.durable.data_lost_in == version:
        return Says(reasons=(Reason("data_lost", "every instance came back empty: what was in the cluster is lost"),))
    told = (loss for loss in s.memory.durable.losses if loss.version == version)
    return Says(reasons=tuple(Reason("instance_lost", loss.text, loss.instance or None) for loss in told))
