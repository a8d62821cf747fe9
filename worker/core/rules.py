"""The rules that make a cluster what its spec says and keep it so, each with a name; `decide` says their order.

Pure.
"""

from common.view import Reason
from worker.core import crashes
from worker.core.actions import (
    Action,
    CreateDatabases,
    DeleteFills,
    DeleteReplications,
    Provision,
    PutFills,
    PutLogin,
    PutReplications,
    Serve,
    Unfence,
)
from worker.core.observed import Fill, Replication
from worker.core.ring import Wanted
from worker.core.says import Says
from worker.core.situation import Situation, names, replication_key


def everything_is_provisioned(s: Situation) -> Says:
    """Something the spec needs is missing or down: Provision, keeping every instance that is there (hazards H1)."""
    is_short = len(s.members) < s.spec.replicas or s.platform.endpoint is None
    down = tuple(i for i in s.instances if i.phase == "down")
    reasons = tuple(
        Reason("instance_down", f"{i.name} is not running: {i.reason or 'no reason'}", i.name) for i in down
    )
    if s.platform.endpoint is None and not s.platform.problem:
        reasons += (Reason("endpoint_missing", "the platform has not given the endpoint an address yet"),)
    if s.platform.problem:
        reasons = (Reason("platform_problem", s.platform.problem), *reasons)
    if not (is_short or down) or s.now < s.memory.provision_after:
        return Says(reasons=reasons)
    keep = tuple(sorted(i.identity for i in s.instances))
    return Says((Provision(keep),), reasons)


def everybody_answers(s: Situation) -> Says:
    """Not ready yet: say who, in the platform's own words. Those that answer are worked on all the same."""
    missing = s.spec.replicas - len(s.members)
    reasons = []
    if missing > 0:
        reasons.append(Reason("instances_missing", f"{missing} of {s.spec.replicas} instances are not there yet"))
    for instance in s.silent:
        if instance.phase == "down":
            continue  # said already
        code = "instance_unknown" if s.is_unknown(instance.name) else "instance_silent"
        reasons.append(Reason(code, f"{instance.name} does not answer: {s.why_silent(instance.name)}", instance.name))
    return Says(reasons=tuple(reasons))


def uuids_differ(s: Situation) -> Says:
    """Two instances with one uuid share their checkpoints: people must look (hazards H16)."""
    owners: dict[str, str] = {}
    reasons = []
    for instance in s.instances:
        node = s.nodes.get(instance.name)
        if node is None:
            continue
        if node.uuid in owners:
            text = f"{instance.name} has the uuid of {owners[node.uuid]}: its volume is a copy"
            reasons.append(Reason("same_uuid", text, instance.name))
        owners.setdefault(node.uuid, instance.name)
    return Says(reasons=tuple(reasons))


def the_empty_are_withdrawn(s: Situation) -> Says:
    """An instance that serves and whose data are new came back empty: nobody may read it before it is filled again."""
    empty = {i.name for i in s.unfilled if i.serving}
    serving = {i.name for i in s.instances if i.serving}
    if not empty or not any(i.serving for i in s.up):
        return Says()
    return Says((Serve(tuple(sorted(serving - empty))),))


def whoever_stays_is_unfenced(s: Situation) -> Says:
    """A member that is fenced, half or whole, was to leave in a scale-down that did not end (hazards H23)."""
    fenced = tuple(i for i in s.answering if s.nodes[i.name].fence is not None)
    reasons = tuple(Reason("unfencing", f"{i.name} is still fenced", i.name) for i in fenced)
    return Says(tuple(Unfence(i.name) for i in fenced), reasons)


def the_login_is_one_everywhere(s: Situation) -> Says:
    """Where the user's login is not the spec's it becomes so: after a change, and where one was away meanwhile.

    Each instance goes from the one line to the other in one write, so that none ever refuses both passwords. Those that
    leave too, until they are fenced: a fence has admin lines of its own.
    """
    others = tuple(
        i for i in s.instances if i.name in s.nodes and s.nodes[i.name].fence is None and not s.has_login(i.name)
    )
    reasons = tuple(Reason("login_differs", f"{i.name} has not taken the new login yet", i.name) for i in others)
    puts = (PutLogin(i.name, s.spec.admin_name, s.spec.admin_line) for i in others if s.may_write(i.name))
    return Says(tuple(puts), reasons)


def writes_that_failed_are_told(s: Situation) -> Says:
    """An instance at which the last write failed, by a full disk say: the others go on without it."""
    return Says(
        reasons=tuple(
            Reason(
                "writes_fail", f"{i.name} does not take what is written there: {s.memory.refusing[i.name][2]}", i.name
            )
            for i in s.answering
            if i.name in s.memory.refusing
        )
    )


def databases_exist(s: Situation) -> Says:
    """Every instance that answers has every database of the saved list, each made as one of the others has it."""
    actions = []
    for instance in s.taking:
        missing = sorted(set(s.databases) - set(s.nodes[instance.name].databases))
        if missing:
            like = tuple((d, s.holders[d]) for d in missing if d in s.holders and not d.startswith("_"))
            actions.append(CreateDatabases(instance.name, tuple(missing), like))
    reasons = tuple(
        Reason("database_unknown", f"{name} is on no instance that answers, and one that does not may have it")
        for name in sorted(s.out_of_sight)
    )
    return Says(tuple(actions), reasons)


def the_ring_is_made(s: Situation) -> Says:
    """Put what is wanted and missing or wrong. A document that was there before is not written too often."""
    actions = []
    for instance in s.taking:
        needed = tuple(w for w in s.wanted_from(instance.name) if needs_writing(s, w))
        if needed:
            actions.append(PutReplications(instance.name, needed))
    return Says(tuple(actions))


def needs_writing(s: Situation, wanted: Wanted) -> bool:
    found = s.found.get(wanted)
    if found is None:
        return True
    is_wrong = not found.is_sound or found.state == "failed" or has_other_target(s, wanted)
    return is_wrong and (may_kick(s, wanted) or is_met_first(s, wanted))


def is_met_first(s: Situation, wanted: Wanted) -> bool:
    """Whether the target answers for the first time: what was written before it did is no attempt that counts."""
    return wanted.target in s.nodes and replication_key(wanted) not in s.memory.reached


def has_other_target(s: Situation, wanted: Wanted) -> bool:
    """Whether the target's data are others than those the document was written for.

    A replicator that has nothing to send does not notice (CouchDB 3.3 and newer: not before its next checkpoint), and
    would never send what the data of before had. Written again it starts from what both ends remember: nothing.
    """
    target = s.nodes.get(wanted.target)
    return target is not None and s.memory.reached.get(replication_key(wanted)) != target.uuid


def may_kick(s: Situation, wanted: Wanted) -> bool:
    """Whether a document may be written again now: at once, then after 5, 10, 20 ... seconds, at most every 60."""
    times, last = s.memory.kicks.get(replication_key(wanted), (0, 0.0))
    return times == 0 or s.now - last >= s.policy.pause(times)


def what_backs_off_is_kicked(s: Situation) -> Says:
    """A replication that waits in back-off, or stands still, although its target answers starts again now."""
    actions = []
    for instance in s.taking:
        stuck = tuple(
            w
            for w in s.wanted_from(instance.name)
            if w in s.found and w.target in s.nodes and is_stuck(s, w) and may_kick(s, w)
        )
        if stuck:
            actions.append(PutReplications(instance.name, stuck))
    return Says(tuple(actions))


def is_stuck(s: Situation, wanted: Wanted) -> bool:
    state = s.found[wanted].state
    if state == "initializing":
        return unmoved_for(s, wanted) >= s.policy.start_within
    return state in ("crashing", "error") or stalled_for(s, wanted) >= s.policy.stall_after


def stalled_for(s: Situation, wanted: Wanted) -> float:
    """Seconds for which changes have waited without any passing; 0 when none wait or it is not known."""
    return unmoved_for(s, wanted) if s.found[wanted].pending else 0.0


def unmoved_for(s: Situation, wanted: Wanted) -> float:
    """Seconds since the replication last moved or changed its state."""
    _, since = s.memory.passing.get(replication_key(wanted), ("", s.now))
    return s.now - since


def new_instances_are_filled(s: Situation) -> Says:
    """An instance that is not filled pulls every database from its predecessor, once, before it may serve.

    A pull in back-off, which can last for hours, is begun anew: what it brought is not brought twice.
    """
    actions: list[Action] = []
    reasons = []
    for instance in s.unfilled:
        reasons.append(Reason("filling", f"{instance.name} is being filled", instance.name))
        source = s.predecessor(instance.name)
        if source is None or not s.has_all_databases(source.name):
            continue
        fills = s.fills_of(instance.name)
        as_fill = Wanted(source.name, instance.name, "fill")
        if any(is_backing_off(fills.get((source.name, database))) for database in s.databases):
            if may_kick(s, as_fill):
                actions.append(DeleteFills(instance.name))
            continue
        needed = tuple(
            database
            for database in s.databases
            if (fill := fills.get((source.name, database))) is None or fill.state == "failed"
        )
        if needed and instance in s.taking and may_kick(s, as_fill):
            actions.append(PutFills(instance.name, source.name, needed))
    return Says(tuple(actions), tuple(reasons))


def is_backing_off(fill: Fill | None) -> bool:
    return fill is not None and fill.state in ("crashing", "error")


def filled_instances_serve(s: Situation) -> Says:
    """Exactly the filled instances are behind the endpoint; none is put there that has another login.

    One that is silent keeps its place for a while, as it may be back at once. It loses it when its platform says that
    it is down, since its port may be a stranger's by now, and once it is bridged; not while nobody else is up. Nor does
    one lose it that answers and lacks a database (its last write failed, say) while all others are silent.
    """
    serving = {i.name for i in s.instances if i.serving}
    should = {
        i.name
        for i in s.up
        if s.has_all_databases(i.name) and s.nodes[i.name].fence is None and (i.serving or s.has_login(i.name))
    }
    should = should or {i.name for i in s.up if i.serving and s.nodes[i.name].fence is None}
    if not should and not any(i.name in s.nodes and i.serving for i in s.members):
        should = {i.name for i in s.leaving if i.serving}  # never without anybody: leavers wait for a survivor
    may_be_back = (i for i in s.silent if i.serving and i.phase != "down" and i not in s.bridged)
    should |= {i.name for i in (may_be_back if should else s.silent) if i.serving}
    if should == serving or not should:
        return Says()
    return Says((Serve(tuple(sorted(should))),))


def fills_are_cleared(s: Situation) -> Says:
    """The one-shot documents of an instance that is filled have done their work.

    Those that drain a leaver lie on survivors under the same form of id, so nothing is cleared while somebody leaves.
    """
    if s.leaving:
        return Says()
    return Says(tuple(DeleteFills(i.name) for i in s.up if s.nodes[i.name].fills))


def replications_run(s: Situation) -> Says:
    """Say what does not run, and what is refused. Only looks."""
    reasons = []
    for wanted in sorted(s.wanted):
        found = s.found.get(wanted)
        between = f"{wanted.database} from {wanted.source} to {wanted.target}"
        if found is None:
            if wanted.source in s.nodes:
                reasons.append(Reason("link_missing", f"{between} is not there yet", wanted.source))
            continue
        if not found.is_sound:
            reasons.append(Reason("link_altered", f"{between} was altered and is put back", wanted.source))
        elif found.state != "running":
            why = f": {found.error}" if found.error else ""
            reasons.append(Reason("link_not_running", f"{between} is {found.state}{why}", wanted.source))
        elif crashes.is_unproved(s, wanted):
            text = f"{between} {crashes.why_unproved(s, wanted)}"
            reasons.append(Reason("link_not_running", text, wanted.source))
        elif stalled_for(s, wanted) >= s.policy.stall_after:
            text = f"{between}: {found.pending} changes wait, no progress for {stalled_for(s, wanted):.0f} s"
            reasons.append(Reason("link_stalled", text, wanted.source))
        reasons += refusals(found, between, wanted)
    return Says(reasons=tuple(reasons))


def refusals(found: Replication, between: str, wanted: Wanted) -> list[Reason]:
    if not found.refused:
        return []
    return [Reason("documents_refused", f"{between}: the target refused {found.refused} documents", wanted.target)]


def what_is_not_wanted_goes(s: Situation) -> Says:
    """Make before break: only once the ring runs, and closes over every member that is up.

    It does not while one is not up and not bridged: a new one that is being started, say, or one that is away for a
    moment. Unknown deletes nothing.
    """
    is_open = any(i not in s.up and i not in s.bridged for i in s.members)
    if s.has_unknown or s.unfilled or is_open or not s.is_ring_running:
        return Says()
    leavers = set(names(s.leaving))  # links into these go after their grace time, by a rule of their own
    actions = []
    for instance in s.answering:
        unwanted = tuple(
            sorted(w for w in s.found if w.source == instance.name and w not in s.wanted and w.target not in leavers)
        )
        if unwanted:
            actions.append(DeleteReplications(instance.name, unwanted))
    return Says(tuple(actions))
