"""How `decide`'s memory moves on: with the spec's version, with each look, with each plan. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from common.cluster import ClusterSpec, Durable
from common.view import Reason
from worker.core import crashes, dropping, losses, parting, ring, security
from worker.core.actions import (
    Action,
    CreateDatabases,
    DeleteReplications,
    Drain,
    Provision,
    PutFills,
    PutReplications,
    PutSecurity,
    Retire,
    Write,
)
from worker.core.memory import Memory, Since
from worker.core.observed import Node, Observed
from worker.core.ring import Wanted
from worker.core.situation import Situation, replication_key

PROVISION_EVERY = 1.0
"""Seconds between two Provision of a cluster that something of is down or missing."""

DRAIN_EVERY = 0.1
"""Seconds between two looks at one-shots that are under way."""

RETIRE_EVERY = 0.5
"""Seconds between two Retire, of which each is called until its instance is gone."""


def version(memory: Memory, version: int, now: float) -> Memory:
    """A new spec: progress counts from the start, and a user's change acknowledges what was lost (hazards H6)."""
    if version == memory.version:
        return memory
    return memory.but(
        version=version,
        best=0,
        flow=0,
        waiting=(),
        moved_at=now,
        gone_points=0,
        forced=(),
        durable=losses.acknowledged(memory.durable, version, memory.told),
        told=(),
        provision_after=0.0,
    )


def look(situation: Situation) -> Situation:
    """With what this look adds: who was born or filled, who is not up and since when, what passes over each link."""
    now = situation.now
    for notice in (
        losses.given_back,
        born,
        filled,
        parting.leavers,
        parting.drains,
        losses.noticed,
        dropping.noticed,
        security.noticed,
        crashes.noticed,
    ):
        situation = situation.remembering(notice(situation))
    memory = situation.memory
    down = {i.name: memory.down.get(i.name, now) for i in situation.instances if not situation.is_filled(i.name)}
    flow = max(memory.flow, situation.written_by_one_shots)
    added = memory.but(
        down=down,
        passing=passing(situation),
        kicks=kicks(situation),
        refusing=refusing(situation),
        flow=flow,
    )
    return situation.remembering(added)


def refusing(s: Situation) -> dict[str, tuple[int, float, str]]:
    """The writes that failed, of the instances that there still are."""
    return {name: noted for name, noted in s.memory.refusing.items() if name in s.by_name}


def nothing_left_to_write(memory: Memory, names: Collection[str]) -> Memory:
    """Forget that a write failed at these: it might be tried again by now, and there is nothing more to write.

    A connection may have been cut after the write was done, or the spec changed meanwhile.
    """
    return memory.but(refusing={name: noted for name, noted in memory.refusing.items() if name not in names})


def born(s: Situation) -> Memory:
    """Instances of a cluster that never had any data are filled by birth, all at once.

    So are those of one whose every instance came back empty, which is then told (hazards H6).
    """
    memory = s.memory
    if s.up or not s.answering or s.has_unknown:
        return memory
    if memory.durable.ever_filled:
        if s.silent or len(s.members) < s.spec.replicas:
            return memory  # whoever is silent may still have the data
        lost = replace(memory.durable, data_lost_in=memory.version)
        return memory.but(durable=add_filled(lost, s.answering_uuids))
    first = memory.unfilled_first_up_at if memory.unfilled_first_up_at is not None else s.now
    is_whole = len(s.answering) >= s.spec.replicas
    if is_whole or s.now - first >= s.policy.birth_patience:
        return memory.but(unfilled_first_up_at=first, durable=add_filled(memory.durable, s.answering_uuids))
    return memory.but(unfilled_first_up_at=first)


def filled(s: Situation) -> Memory:
    """Instances whose every one-shot from one of their sources has completed are filled from now on."""
    done = [
        s.nodes[i.name].uuid
        for i in s.unfilled
        if s.has_all_databases(i.name) and any(has_pulled_all(s, i.name, source.name) for source in s.sources(i.name))
    ]
    return s.memory.but(durable=add_filled(s.memory.durable, done)) if done else s.memory


def has_pulled_all(s: Situation, name: str, source: str) -> bool:
    fills = s.fills_of(name)
    return all(
        (fill := fills.get((source, database))) is not None and fill.state == "completed" for database in s.databases
    )


def add_filled(durable: Durable, uuids: Iterable[str]) -> Durable:
    return replace(durable, filled=tuple(sorted({*durable.filled, *uuids})), ever_filled=True)


def passing(s: Situation) -> dict[str, Since]:
    """When each replication last moved: another state, another progress mark, or nothing that waits, is moving."""
    moved: dict[str, Since] = {}
    for wanted, found in s.found.items():
        key = replication_key(wanted)
        mark = f"{found.state} {found.progress}"
        before, since = s.memory.passing.get(key, ("", s.now))
        is_idle = found.state == "running" and not found.pending
        moved[key] = (mark, s.now if is_idle or mark != before else since)
    return moved


def kicks(s: Situation) -> dict[str, tuple[int, float]]:
    """Forget how often a replication was written once it has run well for a while, or is wanted no more."""
    kept = {}
    for key, (times, last) in s.memory.kicks.items():
        source, target, database = key.split(">")
        found = s.found.get(Wanted(source, target, database))
        is_well = found is not None and found.is_sound and found.state == "running"
        if s.now - last < s.policy.kick_at_most_every * 2 and not (is_well and s.now - last > s.policy.kick_after):
            kept[key] = (times, last)
    return kept


def applied(memory: Memory, actions: Sequence[Action], now: float) -> Memory:
    """A plan with actions is about to be carried out."""
    counts = dict(memory.kicks)
    for key in (key for action in actions for key in written_by(action)):
        counts[key] = (counts.get(key, (0, 0.0))[0] + 1, now)
    kinds = {type(action) for action in actions}
    forced = {action.instance for action in actions if isinstance(action, Retire) and action.is_forced}
    memory = losses.retiring(memory, [action.identity for action in actions if isinstance(action, Retire)])
    return memory.but(
        kicks=counts,
        forced=tuple(sorted({*memory.forced, *forced})),
        provision_after=now + PROVISION_EVERY if Provision in kinds else memory.provision_after,
        drain_after=now + DRAIN_EVERY if Drain in kinds else memory.drain_after,
        retire_after=now + RETIRE_EVERY if Retire in kinds else memory.retire_after,
    )


def carried_out(memory: Memory, actions: Sequence[Action], observed: Observed) -> Memory:
    """The actions of a plan have been carried out: which data each replication was written for.

    A database that was made anew on an instance counts as other data.
    """
    reached = dict(memory.reached)
    for action in actions:
        match action:
            case CreateDatabases(name, databases, _):
                anew = {(name, database) for database in databases}
                reached = {k: uuid for k, uuid in reached.items() if tuple(k.split(">")[1:]) not in anew}
            case PutReplications(_, wanted):
                targets = ((w, observed.nodes.get(w.target)) for w in wanted)
                reached |= {replication_key(w): node.uuid for w, node in targets if isinstance(node, Node)}
            case DeleteReplications(_, unwanted):
                for w in unwanted:
                    reached.pop(replication_key(w), None)
            case _:
                pass
    begun = {key for action in actions if isinstance(action, PutReplications) for key in written_by(action)}
    written = {action.instance for action in actions if isinstance(action, Write)}
    refusing = {name: noted for name, noted in memory.refusing.items() if name not in written}
    is_set_anew = any(isinstance(action, CreateDatabases | PutSecurity) for action in actions)
    security_after = 0.0 if is_set_anew else memory.security_after
    return memory.but(
        reached=reached,
        crashed=crashes.begun_anew(memory, reached, begun),
        refusing=refusing,
        security_after=security_after,
    )


def refused(memory: Memory, action: Action, why: str, now: float) -> Memory:
    """A write at one instance failed: it is tried again after a pause, and nobody else has to wait for it meanwhile."""
    if not isinstance(action, Write):
        return memory
    times = memory.refusing.get(action.instance, (0, 0.0, ""))[0]
    return memory.but(refusing={**memory.refusing, action.instance: (times + 1, now, why)})


def written_by(action: Action) -> list[str]:
    """The replications, by their keys, whose documents an action writes."""
    match action:
        case PutReplications(_, wanted):
            return [replication_key(w) for w in wanted]
        case PutFills(instance, source, _):
            return [replication_key(Wanted(source, instance, "fill"))]
        case _:
            return []


def pace(memory: Memory, reasons: Iterable[Reason], s: Situation) -> Memory:
    """Whether anything moved since the last look: quick looks after that, calmer ones later."""
    waiting = tuple(sorted({f"{reason.code} {reason.instance}" for reason in reasons}))
    mark = max(score(s), memory.best)
    if mark == memory.best and waiting == memory.waiting:
        return memory
    return memory.but(best=mark, waiting=waiting, moved_at=s.now)


def score(s: Situation) -> int:
    """How far the cluster is, in things that are as they should be: see `total`."""
    running = sum(1 for w in s.wanted if (f := s.found.get(w)) is not None and f.is_sound and f.state == "running")
    serving = sum(1 for i in s.up if i.serving)
    return len(s.answering) + serving + running + s.memory.gone_points + sum(map(parting.done, parting.notes(s)))


def total(s: Situation) -> int:
    """What `score` is when all is well.

    Each instance answers and serves, each replication runs, and each leaver was withdrawn, fenced, proved and retired.
    """
    members = max(s.spec.replicas, len(s.members))
    every = ring.replications(ring.links(f"-{n}" for n in range(members)), s.databases)
    leaving = s.memory.gone_points + sum(map(parting.total, parting.notes(s)))
    return 2 * members + max(len(every), len(s.wanted)) + leaving


def settled(memory: Memory, spec: ClusterSpec) -> Memory:
    return memory.but(settled_replicas=spec.replicas)


def ended_well(memory: Memory) -> Memory:
    """A step without an error: the next one that fails is the first in a row."""
    return memory.but(failures=0)


def failed(memory: Memory) -> Memory:
    return memory.but(failures=memory.failures + 1)


def states(memory: Memory, shown: Mapping[str, str], now: float) -> Memory:
    """Since when each instance has been in the state that is shown of it."""
    return memory.but(
        states={
            name: held if (held := memory.states.get(name)) is not None and held[0] == state else (state, now)
            for name, state in shown.items()
        },
    )
