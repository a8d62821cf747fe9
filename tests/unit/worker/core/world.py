"""Builders of what the core looks at, for its tests: a cluster as it is when all is well, and ways to spoil it."""

from collections.abc import Iterable
from dataclasses import replace

from common.cluster import ClusterSpec, Durable
from worker.core import ring
from worker.core.actions import Plan
from worker.core.decide import decide
from worker.core.memory import Memory, Policy
from worker.core.observed import Down, Instance, Node, Observed, Platformed, Replication, Unknown
from worker.core.ring import Wanted

POLICY = Policy()
NOW = 1_000_000.0
DATABASES = ("_users", "test")


def spec(replicas: int = 3, databases: tuple[str, ...] = DATABASES) -> ClusterSpec:
    return ClusterSpec(
        user="johny2",
        tag="my-test-db1",
        incarnation="i1",
        replicas=replicas,
        databases=databases,
        admin_name="johny2",
        admin_line="-pbkdf2:sha256-00,aa,1",
    )


def name(ordinal: int) -> str:
    return f"cdb-x-{ordinal}"


def instance(ordinal: int, *, serving: bool = True) -> Instance:
    address = f"http://127.0.0.1:{20001 + ordinal}"
    return Instance(name(ordinal), f"id{ordinal}", address, address, "running", serving)


def node(
    ordinal: int,
    *,
    targets: Iterable[int] = (),
    databases: tuple[str, ...] = DATABASES,
    uuid: str = "",
) -> Node:
    replications = tuple(
        Replication(database, name(target), is_sound=True, state="running", pending=0, refused=0, progress="1")
        for target in targets
        for database in databases
    )
    return Node(uuid or f"uuid{ordinal}", (*databases, "_replicator"), replications=replications)


def whole(replicas: int = 3) -> Observed:
    """A ring of that many, everything running and serving."""
    targets = {n: [(n + 1) % replicas] if replicas > 1 else [] for n in range(replicas)}
    return Observed(
        Platformed(tuple(instance(n) for n in range(replicas)), "http://127.0.0.1:20000"),
        {name(n): node(n, targets=targets[n]) for n in range(replicas)},
    )


def remembered(replicas: int = 3) -> Memory:
    """The memory of a cluster that was well."""
    return Memory(
        durable=Durable(filled=tuple(f"uuid{n}" for n in range(replicas)), ever_filled=True),
        settled_replicas=replicas,
        reached={
            f"{name(source)}>{name(target)}>{database}": f"uuid{target}"
            for source in range(9)
            for target in range(9)
            for database in (*DATABASES, "zebra")
        },
        version=1,
        moved_at=NOW - 100,
    )


def with_node(observed: Observed, ordinal: int, node: Node | Down | Unknown) -> Observed:
    return replace(observed, nodes={**observed.nodes, name(ordinal): node})


def with_instance(observed: Observed, new: Instance) -> Observed:
    assert isinstance(observed.platform, Platformed)
    kept = [i for i in observed.platform.instances if i.name != new.name]
    return replace(observed, platform=replace(observed.platform, instances=(*kept, new)))


def with_replication(observed: Observed, source: int, changed: Replication | None, *, was: Wanted) -> Observed:
    """One document replaced, or gone when `changed` is None."""
    old = observed.nodes[name(source)]
    assert isinstance(old, Node)
    kept = [r for r in old.replications if (r.target, r.database) != (was.target, was.database)]
    return with_node(observed, source, replace(old, replications=(*kept, *([changed] if changed else []))))


def replication(observed: Observed, source: int, target: int, database: str) -> Replication:
    found = observed.nodes[name(source)]
    assert isinstance(found, Node)
    return next(r for r in found.replications if (r.target, r.database) == (name(target), database))


def links(observed: Observed) -> frozenset[ring.Link]:
    return frozenset(
        ring.Link(source, r.target)
        for source, found in observed.nodes.items()
        if isinstance(found, Node)
        for r in found.replications
    )


def decided(
    observed: Observed,
    memory: Memory,
    *,
    what: ClusterSpec | None = None,
    now: float = NOW,
    version: int = 1,
) -> tuple[Plan, Memory]:
    return decide(what or spec(), observed, memory, now, version=version, policy=POLICY)
