"""The order of everything kanto does, once: a list of small rules, read from top to bottom. Pure.

`decide(spec, observed, memory, now)` looks at what should be and what was seen, and gives the next plan and what to
remember. A rule gives actions, or reasons to wait, or neither. The first rule with actions decides the plan; if none
has any, the reasons of all rules are waited for; if there are none of those either, all is well.
"""

from collections.abc import Callable
from dataclasses import dataclass

from common.cluster import ClusterSpec
from common.view import Reason
from worker.core import remember, removal
from worker.core.actions import (
    Action,
    Apply,
    CreateDatabases,
    DeleteFills,
    DeleteReplications,
    Done,
    Plan,
    Provision,
    PutFills,
    PutReplications,
    Serve,
    Wait,
)
from worker.core.memory import Memory, Policy
from worker.core.observed import Observed, Replication, Unknown
from worker.core.ring import Wanted
from worker.core.situation import Situation, names, replication_key

SOONEST = 0.05
LATEST = 5.0
PATIENCE = 0.08
"""A wait is this part of the time since anything last moved.

Quick at first, then ever calmer, within the two bounds.
"""

HARMLESS = frozenset({"data_lost", "documents_refused"})
"""Reasons that people must see but that no further step of kanto's can mend: nothing waits for them."""


@dataclass(frozen=True, slots=True)
class Says:
    """What a rule has to say: actions to take now, and reasons why all is not well yet."""

    actions: tuple[Action, ...] = ()
    reasons: tuple[Reason, ...] = ()


def decide(
    spec: ClusterSpec, observed: Observed, memory: Memory, now: float, *, version: int, policy: Policy
) -> tuple[Plan, Memory]:
    """The next plan and what to remember. `now` is the store's time; `version` the spec's."""
    memory = remember.version(memory, version, now)
    if isinstance(observed.platform, Unknown):
        why = Reason("platform_unknown", f"the platform cannot be read: {observed.platform.why}")
        return Wait((why,), now + wait_for(memory, now)), memory
    if spec.deleted:
        return removal.decide(observed.platform, memory, now)
    memory = remember.look(spec, observed, observed.platform, memory, now=now, policy=policy)
    situation = Situation(spec, observed, observed.platform, memory, now, policy)
    reasons: list[Reason] = []
    for rule in RULES:
        says = rule(situation)
        reasons += says.reasons
        if says.actions:
            return Apply(says.actions, tuple(reasons)), remember.applied(memory, says.actions, now)
    memory = remember.pace(memory, reasons, situation)
    if all(reason.code in HARMLESS for reason in reasons):
        return Done("degraded" if reasons else "ready", tuple(reasons)), remember.settled(memory, spec)
    return Wait(tuple(reasons), now + wait_for(memory, now)), memory


def wait_for(memory: Memory, now: float) -> float:
    return min(max((now - memory.moved_at) * PATIENCE, SOONEST), LATEST)


# The rules, in order.


def everything_is_provisioned(s: Situation) -> Says:
    """Something the spec needs is missing or down: Provision, keeping every instance that is there (hazards H1)."""
    is_short = len(s.members) < s.spec.replicas or s.platform.endpoint is None
    down = tuple(i for i in s.instances if i.phase == "down")
    reasons = tuple(
        Reason("instance_down", f"{i.name} is not running: {i.reason or 'no reason'}", i.name) for i in down
    )
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


def databases_exist(s: Situation) -> Says:
    """Every instance that answers has every database of the saved list."""
    actions = []
    for instance in s.answering:
        missing = sorted(set(s.databases) - set(s.nodes[instance.name].databases))
        if missing:
            actions.append(CreateDatabases(instance.name, tuple(missing)))
    return Says(tuple(actions))


def the_ring_is_made(s: Situation) -> Says:
    """Put what is wanted and missing or wrong. A document that was there before is not written too often."""
    actions = []
    for instance in s.answering:
        needed = tuple(w for w in s.wanted_from(instance.name) if needs_writing(s, w))
        if needed:
            actions.append(PutReplications(instance.name, needed))
    return Says(tuple(actions))


def needs_writing(s: Situation, wanted: Wanted) -> bool:
    found = s.found.get(wanted)
    if found is None:
        return True
    return (not found.is_sound or found.state == "failed") and may_kick(s, wanted)


def may_kick(s: Situation, wanted: Wanted) -> bool:
    """Whether a document may be written again now: at once, then after 5, 10, 20 ... seconds, at most every 60."""
    times, last = s.memory.kicks.get(replication_key(wanted), (0, 0.0))
    if times == 0:
        return True
    pause: float = min(s.policy.kick_after * 2 ** (times - 1), s.policy.kick_at_most_every)
    return s.now - last >= pause


def what_backs_off_is_kicked(s: Situation) -> Says:
    """A replication that waits in back-off, or stands still, although its target answers starts again now."""
    actions = []
    for instance in s.answering:
        stuck = tuple(
            w
            for w in s.wanted_from(instance.name)
            if w in s.found and w.target in s.nodes and is_stuck(s, w) and may_kick(s, w)
        )
        if stuck:
            actions.append(PutReplications(instance.name, stuck))
    return Says(tuple(actions))


def is_stuck(s: Situation, wanted: Wanted) -> bool:
    return s.found[wanted].state in ("crashing", "error") or stalled_for(s, wanted) >= s.policy.stall_after


def stalled_for(s: Situation, wanted: Wanted) -> float:
    """Seconds for which changes have waited without any passing; 0 when none wait or it is not known."""
    _, since = s.memory.passing.get(replication_key(wanted), ("", s.now))
    return s.now - since if s.found[wanted].pending else 0.0


def new_instances_are_filled(s: Situation) -> Says:
    """An instance that is not filled pulls every database from its predecessor, once, before it may serve."""
    actions: list[Action] = []
    reasons = []
    for instance in s.unfilled:
        reasons.append(Reason("filling", f"{instance.name} is being filled", instance.name))
        source = s.predecessor(instance.name)
        if source is None or not s.has_all_databases(source.name):
            continue
        fills = s.fills_of(instance.name)
        needed = tuple(
            database
            for database in s.databases
            if (fill := fills.get((source.name, database))) is None or fill.state == "failed"
        )
        if needed and may_kick(s, Wanted(source.name, instance.name, "fill")):
            actions.append(PutFills(instance.name, source.name, needed))
    return Says(tuple(actions), tuple(reasons))


def filled_instances_serve(s: Situation) -> Says:
    """Exactly the filled instances are behind the endpoint.

    One that is silent keeps its place, it may be back at once.
    """
    serving = {i.name for i in s.instances if i.serving}
    should = {i.name for i in s.up if s.has_all_databases(i.name)} | {i.name for i in s.silent if i.serving}
    should |= {i.name for i in s.leaving if i.serving}
    if should == serving or not should:
        return Says()
    return Says((Serve(tuple(sorted(should))),))


def fills_are_cleared(s: Situation) -> Says:
    """The one-shot documents of an instance that is filled have done their work."""
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
    """Make before break: only once every wanted replication between instances that are up runs.

    Unknown deletes nothing.
    """
    if s.has_unknown or s.unfilled:
        return Says()
    up = set(names(s.up))
    for wanted in s.wanted:
        if wanted.source in up and wanted.target in up:
            found = s.found.get(wanted)
            if found is None or not found.is_sound or found.state != "running":
                return Says()
    actions = []
    for instance in s.answering:
        unwanted = tuple(sorted(w for w in s.found if w.source == instance.name and w not in s.wanted))
        if unwanted:
            actions.append(DeleteReplications(instance.name, unwanted))
    return Says(tuple(actions))


def data_that_was_lost_is_told(s: Situation) -> Says:
    """Every instance came back empty: said until a user's next change acknowledges it (hazards H6)."""
    if not s.memory.data_lost:
        return Says()
    text = "every instance came back empty: what was in the cluster is lost"
    return Says(reasons=(Reason("data_lost", text),))


RULES: tuple[Callable[[Situation], Says], ...] = (
    everything_is_provisioned,
    everybody_answers,
    uuids_differ,
    databases_exist,
    the_ring_is_made,
    what_backs_off_is_kicked,
    new_instances_are_filled,
    filled_instances_serve,
    fills_are_cleared,
    replications_run,
    what_is_not_wanted_goes,
    data_that_was_lost_is_told,
)
