"""One look at a cluster, put in the words that the rules of `decide` use. Derived once a look; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import attrgetter

from common.cluster import ClusterSpec
from worker.core import ring
from worker.core.memory import Memory, Policy
from worker.core.observed import Down, Fill, Instance, Node, Observed, Platformed, Replication, Unknown
from worker.core.ring import Link, Wanted


def replication_key(wanted: Wanted) -> str:
    return f"{wanted.source}>{wanted.target}>{wanted.database}"


OF_THE_LOOK = frozenset({"instances", "going", "by_name", "nodes", "has_unknown", "found"})
"""What of a situation does not depend on what is remembered."""

OF_WHAT_LASTS = OF_THE_LOOK | {
    *("leaving", "members", "answering", "answering_uuids", "up", "unfilled", "silent", "dropping", "holders"),
}
"""What of it depends on no more of the memory than what outlives Redis."""

OF_THE_RING = OF_WHAT_LASTS | {
    *("bridged", "out_of_sight", "databases", "links", "wanted", "_wanted_by_source", "is_ring_running"),
}
"""What of it depends besides on who is down since when."""


@dataclass(frozen=True)
class Situation:
    """The spec, what was seen and what is remembered, with the sets that follow from them.

    `up` (glossary of the hazards): answers and is filled. `answering`: answers, filled or not.
    """

    spec: ClusterSpec
    observed: Observed
    platform: Platformed
    memory: Memory
    now: float
    policy: Policy

    def remembering(self, memory: Memory) -> "Situation":
        """The same look with another memory. What follows from what they have in common is not derived again."""
        if memory is self.memory or memory == self.memory:
            return self
        kept = OF_THE_LOOK
        if memory.durable == self.memory.durable:
            kept = OF_THE_RING if memory.down == self.memory.down else OF_WHAT_LASTS
        other = Situation(self.spec, self.observed, self.platform, memory, self.now, self.policy)
        other.__dict__.update({name: value for name, value in self.__dict__.items() if name in kept})
        return other

    @cached_property
    def instances(self) -> tuple[Instance, ...]:
        """All but those whose removal has begun: there is nothing to be hoped or feared of these any more."""
        there = (instance for instance in self.platform.instances if not instance.is_going)
        return tuple(sorted(there, key=lambda instance: ring.ordinal(instance.name)))

    @cached_property
    def going(self) -> tuple[Instance, ...]:
        return tuple(instance for instance in self.platform.instances if instance.is_going)

    @cached_property
    def by_name(self) -> dict[str, Instance]:
        return {instance.name: instance for instance in self.instances}

    @cached_property
    def leaving(self) -> tuple[Instance, ...]:
        return tuple(i for i in self.instances if i.identity in self.memory.durable.leavers)

    @cached_property
    def members(self) -> tuple[Instance, ...]:
        """The instances that stay."""
        return tuple(i for i in self.instances if i.identity not in self.memory.durable.leavers)

    @cached_property
    def nodes(self) -> dict[str, Node]:
        """The instances that answer, by name."""
        return {
            name: node for name, node in self.observed.nodes.items() if isinstance(node, Node) and name in self.by_name
        }

    @cached_property
    def answering(self) -> tuple[Instance, ...]:
        return tuple(i for i in self.members if i.name in self.nodes)

    @cached_property
    def taking(self) -> tuple[Instance, ...]:
        """Those that answer and to which something may be written: not while a write that failed has its pause."""
        return tuple(i for i in self.answering if self.may_write(i.name))

    def may_write(self, name: str) -> bool:
        times, last, _ = self.memory.refusing.get(name, (0, 0.0, ""))
        return times == 0 or self.now - last >= self.policy.pause(times)

    def has_login(self, name: str) -> bool:
        """Whether the user's login there is the spec's, as far as it was read."""
        node = self.nodes.get(name)
        if node is None or node.admins is None:
            return True
        return node.admins.get(self.spec.admin_name) == self.spec.admin_line

    @cached_property
    def answering_uuids(self) -> tuple[str, ...]:
        return tuple(self.nodes[i.name].uuid for i in self.answering)

    @cached_property
    def up(self) -> tuple[Instance, ...]:
        return tuple(i for i in self.answering if self.is_filled(i.name))

    @cached_property
    def unfilled(self) -> tuple[Instance, ...]:
        return tuple(i for i in self.answering if not self.is_filled(i.name))

    @cached_property
    def silent(self) -> tuple[Instance, ...]:
        """Members that do not answer, known to be down or not."""
        return tuple(i for i in self.members if i.name not in self.nodes)

    @cached_property
    def has_unknown(self) -> bool:
        """Whether anything at all could not be read: then nothing is deleted, withdrawn or retired."""
        return any(self.is_unknown(instance.name) for instance in self.instances)

    def is_unknown(self, name: str) -> bool:
        return not isinstance(self.observed.nodes.get(name), Node | Down)

    def is_filled(self, name: str) -> bool:
        node = self.nodes.get(name)
        return node is not None and node.uuid in self.memory.durable.filled

    def why_silent(self, name: str) -> str:
        node = self.observed.nodes.get(name)
        return node.why if isinstance(node, Down | Unknown) else "it was not asked"

    @cached_property
    def databases(self) -> tuple[str, ...]:
        """The saved list, and with `*` whatever databases of users are found on any instance.

        Without those that may be on an instance that does not answer, and on no other.
        """
        found: set[str] = set(self.spec.databases) - self.out_of_sight
        if self.spec.all_databases:
            for node in self.nodes.values():
                found.update(name for name in node.databases if not name.startswith("_") and name not in self.dropping)
        return tuple(sorted(found))

    @cached_property
    def out_of_sight(self) -> frozenset[str]:
        """Saved databases of users that nobody has who answers, while a member is silent that may have one.

        They are not made just now: they might be made in another way than they are there (partitioned or not), and the
        two would refuse each other's documents. Nor are they waited for longer than a silent member is.
        """
        has_begun = bool(self.memory.durable.filled)
        if not has_begun or all(instance in self.bridged for instance in self.silent):
            return frozenset()
        return frozenset(name for name in self.spec.databases if not name.startswith("_") and name not in self.holders)

    @cached_property
    def holders(self) -> dict[str, str]:
        """By database the first instance that answers and has it; one that is up, if one is."""
        found: dict[str, str] = {}
        for instance in (*self.up, *self.instances):
            if (node := self.nodes.get(instance.name)) is not None:
                for database in node.databases:
                    found.setdefault(database, instance.name)
        return found

    @cached_property
    def dropping(self) -> frozenset[str]:
        """Databases that are to go and may still be there; never one that is on the saved list again."""
        drop = self.spec.drop
        if drop is None or drop.id == self.memory.durable.dropped:
            return frozenset()
        return frozenset(name for name in drop.databases if not name.startswith("_")) - set(self.spec.databases)

    @cached_property
    def bridged(self) -> tuple[Instance, ...]:
        """Members that have not been up for the policy's `bridge_after` or longer."""
        since = self.memory.down
        return tuple(
            i
            for i in self.members
            if i not in self.up and self.now - since.get(i.name, self.now) >= self.policy.bridge_after
        )

    @cached_property
    def links(self) -> frozenset[Link]:
        """The ring of all members and, while some are bridged, also the ring of those that are up.

        When the last of them is up again both rings are the same, so the bridge is no longer wanted.
        """
        wanted = ring.links(names(self.members))
        return wanted | ring.links(names(self.up)) if self.bridged else wanted

    @cached_property
    def wanted(self) -> frozenset[Wanted]:
        return ring.replications(self.links, self.databases)

    @cached_property
    def found(self) -> dict[Wanted, Replication]:
        """kanto's continuous documents on the instances that answer."""
        return {
            Wanted(name, replication.target, replication.database): replication
            for name, node in self.nodes.items()
            for replication in node.replications
        }

    @cached_property
    def is_ring_running(self) -> bool:
        """Whether every wanted replication between members that are up runs as kanto wrote it."""
        up = {instance.name for instance in self.up}
        return all(
            (found := self.found.get(wanted)) is not None and found.is_sound and found.state == "running"
            for wanted in self.wanted
            if wanted.source in up and wanted.target in up
        )

    @cached_property
    def _wanted_by_source(self) -> dict[str, tuple[Wanted, ...]]:
        return {source: tuple(group) for source, group in groupby(sorted(self.wanted), key=attrgetter("source"))}

    def wanted_from(self, name: str) -> tuple[Wanted, ...]:
        return self._wanted_by_source.get(name, ())

    def predecessor(self, name: str) -> Instance | None:
        """The nearest instance before this one in the ring, other than itself, from which it may be filled."""
        sources = self.sources(name)
        order = [i for i in self.members if i.name == name or i in sources]
        at = next((n for n, i in enumerate(order) if i.name == name), None)
        if at is None or len(order) < 2:
            return None
        return order[at - 1]

    def sources(self, name: str) -> tuple[Instance, ...]:
        """Who has what the endpoint showed when this one came: those that served before it did, while there are any.

        One that was away, or that was to leave, may lack what the others took meanwhile.
        """
        serving = tuple(i for i in self.up if i.serving)
        came = self.memory.down.get(name, self.now)
        longer = tuple(i for i in serving if self._served_since(i.name) <= came)
        return longer or serving or self.up

    def _served_since(self, name: str) -> float:
        state, since = self.memory.states.get(name, ("", self.now))
        return since if state == "serving" else self.now

    def fills_of(self, name: str) -> dict[tuple[str, str], Fill]:
        """The one-shot documents on this instance by source and database."""
        node = self.nodes.get(name)
        return {} if node is None else {(fill.source, fill.database): fill for fill in node.fills}

    @cached_property
    def written_by_one_shots(self) -> int:
        """Documents, by those that are there now: a large database moves for long before it ends."""
        return sum(fill.written or 0 for node in self.nodes.values() for fill in node.fills)

    def has_all_databases(self, name: str) -> bool:
        node = self.nodes.get(name)
        return node is not None and set(self.databases) <= set(node.databases)


def names(instances: Iterable[Instance]) -> tuple[str, ...]:
    return tuple(instance.name for instance in instances)
