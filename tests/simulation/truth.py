"""What is true of the servers in memory, found without any of kanto's own code for it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from common.cluster import ClusterSpec
from common.names import cluster_name, instance_name
from tests.twins.couch.jobs import Job, key_of
from tests.twins.couch.world import Server
from tests.twins.platform import MemoryCluster, MemoryInstance
from worker.couch.documents import RING


@dataclass(frozen=True, slots=True)
class Sight:
    """What a worker could see when it last looked: why all was not well (None: it was), who answered, who was fenced.

    Who answered is by name and by uuid, who was fenced by uuid. `crashing`: links that could be seen to be so.
    """

    why: str | None
    answering: frozenset[str]
    fenced: frozenset[str]
    crashing: frozenset[tuple[str, str]]


def answers(server: Server | None) -> bool:
    return server is not None and server.is_up and server.fault in ("none", "full")


def is_open(server: Server) -> bool:
    """Whether users can read and write: nothing of a fence is in their way, now or after the next restart."""
    return not server.is_closed and server.walls is None


def has_login(server: Server, spec: ClusterSpec) -> bool:
    """Whether its user logs in there with the present password, and with no other."""
    return server.lines == {spec.admin_name: spec.admin_line}


def name_of(instance: MemoryInstance, cluster: MemoryCluster) -> str:
    return instance_name(cluster_name(cluster.key.user, cluster.key.tag), instance.ordinal)


def saved_list(spec: ClusterSpec, servers: Iterable[Server]) -> set[str]:
    names = set(spec.databases)
    if spec.all_databases:
        names.update(name for server in servers for name in server.databases if not name.startswith("_"))
    return names


def why_not_ready(spec: ClusterSpec, cluster: MemoryCluster | None, servers: dict[str, Server]) -> str | None:
    """None if the cluster is what its spec says: whole, open, served, and one ring of replications that run."""
    if cluster is None or len(cluster.instances) != spec.replicas:
        return f"{0 if cluster is None else len(cluster.instances)} instances are there"
    there = list(cluster.instances.values())
    unwell = next((why for i in there if (why := why_not_well(i, cluster, servers.get(i.address)))), None)
    if unwell is not None:
        return unwell
    pairs = [(instance, servers[instance.address]) for instance in there]
    others = [i.ordinal for i, server in pairs if not has_login(server, spec)]
    if others:
        return f"{others} have another login"
    databases = saved_list(spec, [server for _, server in pairs])
    lacking = [i.ordinal for i, server in pairs if not databases <= set(server.databases)]
    if lacking:
        return f"{lacking} lack databases of {sorted(databases)}"
    ring = [*pairs, pairs[0]] if len(pairs) > 1 else []
    links = ((source, pair, database) for (_, source), pair in pairwise(ring) for database in sorted(databases))
    for source, (target, other), database in links:
        why = why_not_running(source, other, name_of(target, cluster), database)
        if why is not None:
            return f"{database} to {target.ordinal}: {why}"
    return None


def why_not_well(instance: MemoryInstance, cluster: MemoryCluster, server: Server | None) -> str | None:
    if server is None or not answers(server) or server.uuid != instance.identity:
        return f"{instance.ordinal} does not answer"
    if not is_open(server):
        return f"{instance.ordinal} is fenced"
    return None if name_of(instance, cluster) in cluster.serving else f"{instance.ordinal} does not serve"


def why_not_running(source: Server, target: Server, name: str, database: str) -> str | None:
    doc_id = f"{RING}{database}:{name}"
    document, job = source.documents.get(doc_id), source.jobs.get(doc_id)
    if document is None or job is None or job.course.key != key_of(document):
        return "no document, or no job of it"
    course = job.course
    ends = (course.source.address, course.target.address, course.target.database)
    if ends != (source.address, target.address, database) or not course.is_continuous or not course.is_whole:
        return "it was altered"
    return None if job.state == "running" else job.state


def links_of(servers: Iterable[Server]) -> dict[tuple[str, str], Job]:
    """The jobs of kanto's links on servers that say what they do, by uuid and document."""
    return {
        (server.uuid, doc_id): job
        for server in servers
        if answers(server)
        for doc_id, job in server.jobs.items()
        if doc_id.startswith(RING) and doc_id in server.documents
    }


def target_of(job: Job, servers: Mapping[str, Server]) -> str | None:
    """The database that a job writes to, as it was made; None if it cannot be told from here."""
    server = servers.get(job.course.target.address)
    if server is None or not answers(server) or job.course.target.database not in server.databases:
        return None
    return server.databases[job.course.target.database].created


def is_connected(servers: Mapping[str, Server], serving: Collection[str], database: str) -> bool:
    """Whether each that serves reaches each other over documents of kanto's on any of these, all by name."""
    heads = {
        name: {i.rpartition(":")[2] for i in server.documents if i.startswith(f"{RING}{database}:")}
        for name, server in servers.items()
    }
    return all(reach(heads, name) >= set(serving) for name in serving)


def reach(heads: Mapping[str, set[str]], start: str) -> set[str]:
    found, ahead = {start}, [start]
    while ahead:
        for name in heads.get(ahead.pop(), ()):
            if name in heads and name not in found:
                found.add(name)
                ahead.append(name)
    return found


def has_refused(servers: Iterable[Server]) -> bool:
    """Whether a ring replication was refused documents."""
    return any(
        job.refused
        for server in servers
        for doc_id, job in server.jobs.items()
        if doc_id.startswith(RING) and doc_id in server.documents
    )


def flows_into(server: Server, name: str, others: Iterable[Server]) -> list[str]:
    """kanto's ring documents on other servers that push into this one."""
    tail = f":{name}"
    return [
        doc_id
        for other in others
        if other is not server and other.is_up
        for doc_id in other.documents
        if doc_id.startswith(RING) and doc_id.endswith(tail)
    ]
