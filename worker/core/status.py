"""What people are shown of one look: the cluster's status with its reasons, its instances, its links. Pure."""

from common.cluster import ClusterSpec
from common.jobs import Progress
from common.view import ClusterView, InstanceState, InstanceView, LinkView, Reason, ReplicationView, Status
from worker.core import crashes, parting, remember
from worker.core.actions import Apply, Done, Plan
from worker.core.memory import Memory
from worker.core.observed import Instance, Platformed, Unknown
from worker.core.ring import Link, Wanted
from worker.core.situation import Situation


def status(spec: ClusterSpec, plan: Plan, memory: Memory) -> Status:
    """`ready` only when nothing is left to do and nothing is wrong; never on account of a call that was accepted."""
    if spec.deleted:
        return "deleting"
    if isinstance(plan, Done):
        return plan.status
    if any(reason.code == "platform_unknown" for reason in plan.reasons):
        return "unknown"
    if memory.settled_replicas is None:
        return "creating"
    is_scaling = memory.settled_replicas != spec.replicas or memory.durable.leavers
    return "scaling" if is_scaling else "degraded"


def view(s: Situation, plan: Plan, version: int) -> ClusterView:
    """The view of a look at which the platform could be read."""
    return ClusterView(
        status=status(s.spec, plan, s.memory),
        reasons=plan.reasons or working(plan),
        endpoint=s.platform.endpoint,
        namespace=s.platform.namespace,
        instances=tuple(instance_view(s, instance) for instance in s.instances),
        links=link_views(s),
        databases=s.databases,
        observed_at=s.now,
        version=version,
    )


def working(plan: Plan) -> tuple[Reason, ...]:
    return (Reason("in_progress", "kanto is at work: " + describe(plan)),) if isinstance(plan, Apply) else ()


def describe(plan: Plan) -> str:
    """One line on what a plan does, as a job's step."""
    if isinstance(plan, Done):
        return "done"
    if not isinstance(plan, Apply):
        return plan.reasons[0].text
    kinds = dict.fromkeys(type(action).__name__ for action in plan.actions)
    return ", ".join(STEPS[kind] for kind in kinds)


STEPS = {
    "Provision": "starting instances",
    "CreateDatabases": "creating databases",
    "PutSecurity": "giving databases one _security",
    "PutLogin": "giving instances the new login",
    "DropDatabases": "dropping databases",
    "PutReplications": "linking the ring",
    "DeleteReplications": "removing links that are no longer wanted",
    "PutFills": "filling new instances",
    "DeleteFills": "clearing up after filling",
    "Serve": "putting filled instances behind the endpoint",
    "Fence": "fencing the instances that leave",
    "Unfence": "giving instances that stay back to their users",
    "Drain": "draining the instances that leave",
    "Retire": "retiring drained instances",
    "Remove": "removing the cluster",
}


def shown_states(s: Situation) -> dict[str, InstanceState]:
    return {instance.name: instance_state(s, instance) for instance in s.instances}


def instance_state(s: Situation, instance: Instance) -> InstanceState:
    if instance.name not in s.nodes:
        if instance.phase == "down":
            return "down"
        if s.is_unknown(instance.name):
            return "unknown"
        was_seen = s.memory.states.get(instance.name, ("starting", 0.0))[0] != "starting"
        return "down" if was_seen else "starting"
    fence = s.nodes[instance.name].fence
    if fence is not None and fence.nonce is not None:
        return "fenced"
    if not s.is_filled(instance.name):
        return "filling"
    return "serving" if instance.serving else "withdrawn"


def instance_view(s: Situation, instance: Instance) -> InstanceView:
    node = s.nodes.get(instance.name)
    state = instance_state(s, instance)
    held = s.memory.states.get(instance.name)
    return InstanceView(
        name=instance.name,
        url=instance.url,
        state=state,
        uuid=node.uuid if node else None,
        since=held[1] if held and held[0] == state else s.now,
    )


def link_views(s: Situation) -> tuple[LinkView, ...]:
    """Every wanted link with each database's replication; what its source did not tell is unknown."""
    return tuple(
        LinkView(link.source, link.target, tuple(replication_view(s, link, database) for database in s.databases))
        for link in sorted(s.links, key=lambda link: (link.source, link.target))
    )


def replication_view(s: Situation, link: Link, database: str) -> ReplicationView:
    if link.source not in s.nodes:
        return ReplicationView(database, "unknown")
    wanted = Wanted(link.source, link.target, database)
    found = s.found.get(wanted)
    if found is None:
        return ReplicationView(database, "missing")
    state = "crashing" if found.state == "running" and crashes.is_unproved(s, wanted) else found.state
    return ReplicationView(database, state, found.pending, found.refused)


def progress(s: Situation) -> Progress:
    """Of everything that must be so (instances that answer and serve, replications that run), how much is."""
    lines = tuple(f"{instance.name}: {instance_line(s, instance)}" for instance in s.instances)
    return Progress(remember.score(s), remember.total(s), lines)


def instance_line(s: Situation, instance: Instance) -> str:
    state = instance_state(s, instance)
    notes = s.memory.leaving.get(instance.identity)
    return f"{state}, {parting.proved_of(notes)}" if notes and notes.is_fenced else state


def unknown_view(
    platform: Unknown, previous: ClusterView | None, spec: ClusterSpec, now: float, version: int
) -> ClusterView:
    """The platform could not be read: the address is still the address, everything else is unknown."""
    return ClusterView(
        status="deleting" if spec.deleted else "unknown",
        reasons=(Reason("platform_unknown", f"the platform cannot be read: {platform.why}"),),
        endpoint=previous.endpoint if previous else None,
        namespace=previous.namespace if previous else "default",
        instances=tuple(InstanceView(i.name, i.url, "unknown") for i in previous.instances) if previous else (),
        databases=spec.databases,
        observed_at=now,
        version=version,
    )


def bare_view(
    platform: Platformed, spec: ClusterSpec, plan: Plan, memory: Memory, *, now: float, version: int
) -> ClusterView:
    """Of a cluster that is being removed: what of it is left."""
    return ClusterView(
        status=status(spec, plan, memory),
        reasons=plan.reasons,
        endpoint=platform.endpoint,
        namespace=platform.namespace,
        instances=tuple(InstanceView(i.name, i.url, "withdrawn") for i in platform.instances),
        databases=spec.databases,
        observed_at=now,
        version=version,
    )
