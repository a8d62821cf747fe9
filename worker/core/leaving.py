"""The rules of scaling down, in their order: no instance goes before it is proved that nothing goes with it. Pure.

All leavers take each step together: withdrawn, connections ended, the survivors' ring closed without them, nothing
flowing in, fenced, drained straight to two survivors where there are two, retired each as its proof stands.
"""

from common.view import Reason
from worker.core.actions import Action, DeleteFills, DeleteReplications, Drain, Fence, Retire
from worker.core.memory import Leaving, Memory
from worker.core.observed import Instance, Proof
from worker.core.ring import Wanted
from worker.core.says import Says
from worker.core.situation import Situation, names

TARGETS = 2
"""How many survivors hold what a leaver held, where there are as many (hazards H11, H15)."""


def of(memory: Memory, instance: Instance) -> Leaving:
    return memory.leaving[instance.identity]


def is_forced(s: Situation, instance: Instance) -> bool:
    """Whether a user's word (`force=1`) stands in for the proof of this leaver, since there will be none.

    Nothing can be proved of one that has not answered for as long as it takes to bridge (a shorter silence may be the
    restart that its own fence asks for); nor of one that is drained and of which, for as long, not one document more
    was copied or proved: a survivor refuses some.
    """
    if not s.spec.force:
        return False
    if instance.name not in s.nodes:
        return s.now - s.memory.down.get(instance.name, s.now) >= s.policy.bridge_after
    proved_at = of(s.memory, instance).proved_at
    return proved_at is not None and s.now - proved_at >= s.policy.bridge_after


def what_has_begun_is_ended(s: Situation) -> Says:
    """A removal that has begun goes on until nothing is left of the instance, whoever began it (hazards H4)."""
    reasons = tuple(Reason("retiring", f"{i.name} has not left yet", i.name) for i in s.going)
    if s.now < s.memory.retire_after:
        return Says(reasons=reasons)
    ends = tuple(Retire(i.name, i.identity, "", (), proofs=(), is_begun=True) for i in s.going)
    return Says(ends, reasons)


def connections_end(s: Situation) -> Says:
    """Withdrawn already (by the rule on who serves): requests in flight have a grace time to end."""
    reasons = []
    for instance in s.leaving:
        since = of(s.memory, instance).withdrawn_at
        if since is None:
            reasons.append(Reason("leaver_serves", f"{instance.name} is not withdrawn yet", instance.name))
        elif s.now - since < s.policy.grace:
            reasons.append(Reason("grace", f"{instance.name} ends its connections", instance.name))
    return Says(reasons=tuple(reasons))


def may_go_on(s: Situation) -> bool:
    """Whether all leavers are past their grace time and the survivors' ring runs without them."""
    if not s.leaving or not s.up:
        return False
    are_past = all(
        (since := of(s.memory, i).withdrawn_at) is not None and s.now - since >= s.policy.grace for i in s.leaving
    )
    return are_past and s.is_ring_running


def flows_into_leavers(s: Situation) -> dict[str, tuple[Wanted, ...]]:
    """kanto's documents that push into a leaver, by the instance that has them; leavers among each other included."""
    leavers = set(names(s.leaving))
    found: dict[str, tuple[Wanted, ...]] = {}
    for wanted in sorted(s.found):
        if wanted.target in leavers:
            found[wanted.source] = (*found.get(wanted.source, ()), wanted)
    return found


def nothing_flows_in(s: Situation) -> Says:
    """Links into leavers are deleted, and seen to be absent, before the fence (hazards H10).

    So is what a leaver pulls itself, one that was still being filled when it was chosen.

    A source that is known to be down pushes nothing; what it pushes once it is back it holds itself, and it stays or
    is drained like any other.
    """
    if not may_go_on(s):
        return Says()
    unread = tuple(
        Reason("instance_unknown", f"{i.name} may still replicate to a leaver: it cannot be read", i.name)
        for i in unread_instances(s)
    )
    if unread:
        return Says(reasons=unread)
    pushed = (DeleteReplications(source, unwanted) for source, unwanted in flows_into_leavers(s).items())
    return Says((*pushed, *(DeleteFills(i.name) for i in pulling_leavers(s))))


def pulling_leavers(s: Situation) -> tuple[Instance, ...]:
    return tuple(i for i in s.leaving if i.name in s.nodes and s.nodes[i.name].fills)


def is_closed(s: Situation) -> bool:
    return may_go_on(s) and not flows_into_leavers(s) and not pulling_leavers(s) and not unread_instances(s)


def unread_instances(s: Situation) -> tuple[Instance, ...]:
    """Those of which nothing is known, but for leavers that a user wants gone whatever they hold."""
    return tuple(i for i in s.instances if s.is_unknown(i.name) and not (i in s.leaving and is_forced(s, i)))


def is_fenced(s: Situation, instance: Instance) -> bool:
    node = s.nodes.get(instance.name)
    return node is not None and node.fence is not None and node.fence.nonce == of(s.memory, instance).nonce


def leavers_are_fenced(s: Situation) -> Says:
    """From here on what a leaver holds is final. One that does not answer cannot be fenced, and nothing is guessed."""
    actions = []
    reasons = []
    for instance in s.leaving:
        if is_fenced(s, instance) or is_forced(s, instance):
            continue
        reasons.append(Reason("fencing", f"{instance.name} is not fenced yet", instance.name))
        if instance.name in s.nodes and is_closed(s):
            actions.append(Fence(instance.name, of(s.memory, instance).nonce))
    return Says(tuple(actions), tuple(reasons))


def are_all_fenced(s: Situation) -> bool:
    return is_closed(s) and all(is_fenced(s, i) or is_forced(s, i) for i in s.leaving)


def targets_needed(s: Situation) -> int:
    """Two, where two survivors have not been away for long."""
    return max(min(TARGETS, len(s.members) - len(s.bridged)), 1)


def choose_targets(s: Situation, instance: Instance) -> tuple[str, ...]:
    """Survivors that are up.

    Those that the leaver has already, then the next ones in the ring, so that leavers spread.
    """
    up = names(s.up)
    kept = of(s.memory, instance).targets
    at = s.instances.index(instance) % max(len(up), 1)
    others = tuple(name for name in (*up[at:], *up[:at]) if name not in kept)
    return (*kept, *others)[: max(targets_needed(s), len(kept))]


def is_proved_on(leaving: Leaving, target: str) -> bool:
    """Every database that the leaver has is proved to be on this survivor, as far as was looked."""
    if leaving.databases is None:
        return False
    done = {proof.database for proof in leaving.proofs if proof.target == target and proof.is_complete}
    return set(leaving.databases) <= done


def proved_on(s: Situation, leaving: Leaving) -> tuple[str, ...]:
    return tuple(name for name in names(s.up) if is_proved_on(leaving, name))


def is_proved(s: Situation, leaving: Leaving) -> bool:
    return len(proved_on(s, leaving)) >= targets_needed(s)


def leavers_are_drained(s: Situation) -> Says:
    """Bring every database of each leaver to its targets and prove it, a piece at a time."""
    actions: list[Action] = []
    reasons = []
    for instance in s.leaving:
        leaving = of(s.memory, instance)
        if is_forced(s, instance) or is_proved(s, leaving):
            continue
        why = f": {'; '.join(leaving.waits[:3])}" if leaving.waits else ""
        reasons.append(Reason("draining", f"{instance.name} is being drained{why}", instance.name))
        if are_all_fenced(s) and s.now >= s.memory.drain_after:
            actions += [
                Drain(instance.name, instance.identity, target, proofs_for(leaving, target))
                for target in choose_targets(s, instance)
                if not is_proved_on(leaving, target)
            ]
    return Says(tuple(actions), tuple(reasons))


def proofs_for(leaving: Leaving, target: str) -> tuple[Proof, ...]:
    return tuple(proof for proof in leaving.proofs if proof.target == target)


def the_drained_retire(s: Situation) -> Says:
    """Retire whoever's proof stands; Retire itself looks once more (hazards H11, H12)."""
    actions = []
    reasons = []
    for instance in reversed(s.leaving):
        leaving = of(s.memory, instance)
        reasons.append(Reason("retiring", f"{instance.name} has not left yet", instance.name))
        forced = is_forced(s, instance) and may_go_on(s)
        is_free = forced or (are_all_fenced(s) and is_proved(s, leaving))
        if is_free and s.now >= s.memory.retire_after:
            who = (instance.name, instance.identity, leaving.nonce, proved_on(s, leaving))
            actions.append(Retire(*who, proofs=leaving.proofs, is_forced=forced))
    return Says(tuple(actions), tuple(reasons))
