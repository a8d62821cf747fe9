"""The order of everything kanto does, once: a list of small rules, read from top to bottom. Pure.

`decide(spec, observed, memory, now)` looks at what should be and what was seen, and gives the next plan and what to
remember. A rule gives actions, or reasons to wait, or neither. The first rule with actions decides the plan; if none
has any, the reasons of all rules are waited for; if there are none of those either, all is well.
"""

from collections.abc import Callable

from common.cluster import ClusterSpec
from common.view import Reason
from worker.core import backwards, dropping, leaving, losses, remember, removal, rules, security
from worker.core.actions import Apply, Done, Plan, Wait
from worker.core.memory import Memory, Policy
from worker.core.observed import Observed, Unknown
from worker.core.says import Says
from worker.core.situation import Situation

SOONEST = 0.05
LATEST = 5.0
PATIENCE = 0.08
"""A wait is this part of the time since anything last moved.

Quick at first, then ever calmer, within the two bounds.
"""

NOTES = frozenset({"instance_lost"})
"""What people must know although the cluster is whole: said beside the status, which it does not change."""

HARMLESS = frozenset({"data_lost", "documents_refused", "security_disputed"}) | NOTES
"""Reasons that people must see but that no further step of kanto's can mend: nothing waits for them."""

RULES: tuple[Callable[[Situation], Says], ...] = (
    # what there is
    rules.everything_is_provisioned,
    rules.everybody_answers,
    rules.uuids_differ,
    rules.the_empty_are_withdrawn,
    rules.whoever_stays_is_unfenced,
    rules.the_login_is_one_everywhere,
    # what is in it
    rules.writes_that_failed_are_told,
    rules.databases_exist,
    security.is_one_everywhere,
    rules.the_ring_is_made,
    rules.what_backs_off_is_kicked,
    # who serves
    rules.new_instances_are_filled,
    rules.filled_instances_serve,
    rules.fills_are_cleared,
    # make before break
    rules.replications_run,
    rules.what_is_not_wanted_goes,
    dropping.the_dropped_go,
    # who leaves
    leaving.what_has_begun_is_ended,
    leaving.connections_end,
    leaving.nothing_flows_in,
    leaving.leavers_are_fenced,
    leaving.leavers_are_drained,
    leaving.the_drained_retire,
    # what only people can mend
    losses.what_was_lost_is_told,
)


def decide(
    spec: ClusterSpec, observed: Observed, memory: Memory, now: float, *, version: int, policy: Policy
) -> tuple[Plan, Memory]:
    """The next plan and what to remember. `now` is the store's time; `version` the spec's."""
    memory = remember.version(backwards.noticed(memory, now), version, now)
    if isinstance(observed.platform, Unknown):
        why = Reason("platform_unknown", f"the platform cannot be read: {observed.platform.why}")
        return Wait((why,), now + wait_for(memory, now)), memory
    if spec.deleted:
        return removal.decide(observed.platform, memory, now)
    situation = remember.look(Situation(spec, observed, observed.platform, memory, now, policy))
    memory = situation.memory
    reasons: list[Reason] = []
    for rule in RULES:
        says = rule(situation)
        reasons += says.reasons
        if says.actions:
            return Apply(says.actions, tuple(reasons)), remember.applied(memory, says.actions, now)
    outlived = {name for name in memory.refusing if situation.may_write(name)}
    if outlived:
        memory = remember.nothing_left_to_write(memory, outlived)
        reasons = [r for r in reasons if not (r.code == "writes_fail" and r.instance in outlived)]
    memory = losses.said(remember.pace(memory, reasons, situation))
    if all(reason.code in HARMLESS for reason in reasons):
        is_ready = all(reason.code in NOTES for reason in reasons)
        return Done("ready" if is_ready else "degraded", tuple(reasons)), remember.settled(memory, spec)
    return Wait(tuple(reasons), now + wait_for(memory, now)), memory


def wait_for(memory: Memory, now: float) -> float:
    return min(max((now - memory.moved_at) * PATIENCE, SOONEST), LATEST)
