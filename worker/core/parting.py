"""What is remembered of leavers: who they are, how far each is, what was proved. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from worker.core import leaving, ring
from worker.core.actions import Action, Drain, Fact, Retire, Unproved
from worker.core.memory import Leaving, Memory
from worker.core.observed import Drained, Instance, Proof
from worker.core.situation import Situation, names

THOUSAND = 1_000


def leavers(s: Situation) -> Memory:
    """Who leaves is chosen once, by identity, from the end of the ring, and given back from there too (hazards H4).

    Nobody leaves while no survivor is up: if the last of them is lost, the leavers stay and serve until one is.
    An identity that the platform no longer has is gone. Notes on a leaver begin anew with each scale-down, since the
    fence's nonce names the spec's version.
    """
    memory, there = s.memory, {i.identity: i for i in s.instances}
    kept = [identity for identity in memory.durable.leavers if identity in there]
    staying = in_order_of_leaving(s, [i for i in s.instances if i.identity not in kept])
    surplus = len(staying) - s.spec.replicas
    if surplus > 0:
        chosen = staying[-surplus:]
        if any(s.is_filled(i.name) for i in staying[:-surplus]):
            kept += [i.identity for i in chosen]
    elif kept and not any(s.is_filled(i.name) or s.is_unknown(i.name) for i in staying):
        kept = []
    elif surplus < 0 and kept:
        order = sorted(kept, key=lambda identity: ring.ordinal(there[identity].name))
        kept = order[min(-surplus, len(order)) :]
    gone = [notes for identity, notes in memory.leaving.items() if identity not in there]
    return memory.but(
        durable=replace(memory.durable, leavers=tuple(sorted(kept))),
        leaving={identity: left(s, memory.leaving.get(identity), there[identity]) for identity in kept},
        gone_points=memory.gone_points + sum(map(total, gone)),
    )


def in_order_of_leaving(s: Situation, staying: list[Instance]) -> list[Instance]:
    """Who leaves first comes last. Where any may leave, the empty go first: one that its platform put in the place of

    a leaver, say. A StatefulSet lets go of its highest ordinal only, and the others do it alike for people's sake.
    """
    if s.spec.spawner != "deployment":
        return staying
    return sorted(staying, key=lambda i: not s.is_filled(i.name))


def left(s: Situation, known: Leaving | None, instance: Instance) -> Leaving:
    """The notes on one leaver after this look: withdrawn since when, and nothing proved unless its fence stands.

    What was proved of one that could not be read stays, for when it is read again and its fence still stands.
    """
    notes = known or Leaving(nonce=f"{s.memory.version}-{instance.identity}")
    withdrawn = None if instance.serving else (notes.withdrawn_at if notes.withdrawn_at is not None else s.now)
    up = names(s.up)
    targets = tuple(t for t in dict.fromkeys((*notes.targets, *(p.target for p in notes.proofs))) if t in up)
    notes = replace(notes, withdrawn_at=withdrawn, targets=targets)
    node = s.nodes.get(instance.name)
    if node is None:
        return replace(notes, is_fenced=False, proved_at=None)
    if node.fence is None or node.fence.nonce != notes.nonce:
        return replace(notes, is_fenced=False, proved_at=None, databases=None, proofs=(), waits=())
    return replace(notes, is_fenced=True)


def drains(s: Situation) -> Memory:
    """Since when each drain has brought nothing more. While a leaver has to wait for another one it is not drained."""
    has_copied = s.written_by_one_shots > s.memory.flow
    is_draining = leaving.are_all_fenced(s)

    def noted(notes: Leaving) -> Leaving:
        if not (is_draining and notes.is_fenced):
            return replace(notes, proved_at=None)
        return replace(notes, proved_at=s.now) if has_copied or notes.proved_at is None else notes

    return s.memory.but(leaving={identity: noted(notes) for identity, notes in s.memory.leaving.items()})


def learned(memory: Memory, facts: Iterable[tuple[Action, Fact]], *, now: float) -> Memory:
    """What actions brought back, at `now`."""
    for action, fact in facts:
        match action, fact:
            case Drain(_, identity, target, _), Drained():
                memory = drained(memory, identity, target, fact, now=now)
            case Retire(_, identity), Unproved(why):
                memory = unproved(memory, identity, why)
    return memory


def drained(memory: Memory, identity: str, target: str, found: Drained, *, now: float) -> Memory:
    """A piece of draining has come back: its proofs replace those for the same target."""
    notes = memory.leaving[identity]
    others = tuple(proof for proof in notes.proofs if proof.target != target)
    targets = notes.targets if target in notes.targets else (*notes.targets, target)
    new = replace(notes, targets=targets, databases=found.databases, proofs=(*others, *found.proofs), waits=found.waits)
    if work(new) > work(notes):
        new = replace(new, proved_at=now)
        memory = memory.but(moved_at=now)
    return memory.but(leaving={**memory.leaving, identity: new})


def work(notes: Leaving) -> int:
    """How much was looked at and found to be there: documents, and databases to their end."""
    return sum(proof.documents + int(proof.is_complete) for proof in notes.proofs)


def has_proved_more(before: Memory, memory: Memory) -> bool:
    """Whether more of any leaver is proved than was before: a large database moves on for long before it is done."""
    known = {identity: notes.proved_at for identity, notes in before.leaving.items() if notes.proved_at is not None}
    return any(
        notes.proved_at is not None and identity in known and notes.proved_at > known[identity]
        for identity, notes in memory.leaving.items()
    )


def unproved(memory: Memory, identity: str, why: str) -> Memory:
    """The last look before Retire found that the proof does not stand: begin again (hazards H11, H12)."""
    notes = replace(memory.leaving[identity], databases=None, proofs=(), waits=(why,))
    return memory.but(leaving={**memory.leaving, identity: notes})


def notes(s: Situation) -> tuple[Leaving, ...]:
    return tuple(s.memory.leaving.values())


def done(notes: Leaving) -> int:
    """Points of progress: withdrawn, fenced, each database proved on each target, each thousand documents of one."""
    proved = sum(int(proof.is_complete) + proof.documents // THOUSAND for proof in notes.proofs)
    return int(notes.withdrawn_at is not None) + int(notes.is_fenced) + proved


def total(notes: Leaving) -> int:
    """What `done` is at the end, and one more for having left."""
    large = sum(documents_of(proof) // THOUSAND for proof in notes.proofs)
    return 3 + len(notes.databases or ()) * max(len(notes.targets), 1) + large


def documents_of(proof: Proof) -> int:
    """How many there are, as far as is known: a completed proof has seen them all."""
    return proof.documents if proof.is_complete else max(proof.total, proof.documents)


def proved_of(notes: Leaving) -> str:
    proved = sum(1 for proof in notes.proofs if proof.is_complete)
    looked_at, there = (sum(map(of, notes.proofs)) for of in (lambda proof: proof.documents, documents_of))
    databases = len(notes.databases or ()) * max(len(notes.targets), 1)
    return f"{proved} of {databases} databases proved, {looked_at} of {there} documents"
