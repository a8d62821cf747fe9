"""Wiring a ring: 8 instances with 20 databases, as a worker does it, against one request at a time.

Both make the databases and the replication documents; neither waits for the replications to run.
"""

import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import httpx

from common.cluster import ClusterSpec
from tests.bench import script
from tests.bench.figure import Figure, at_least
from tests.fakes.platform import FolderPlatform
from worker.apply import Hands, apply
from worker.core.actions import CreateDatabases, PutReplications
from worker.core.observed import Instance, Observed, Platformed
from worker.core.ring import Wanted, links
from worker.couch.adapter import HttpCouch
from worker.couch.documents import build_replication, replication_id
from worker.platforms.process.program import find
from worker.ports import Credentials

INSTANCES = 8
DATABASES = 20
RUNS = 3
DELAY = 0.01


class Known(FolderPlatform):
    """Knows the script's login."""

    def credentials(self, spec: ClusterSpec) -> Credentials:  # noqa: ARG002
        return script.CREDENTIALS


def measure(home: Path) -> list[Figure]:
    nodes = script.start(home, INSTANCES, find(None), iterations=10)
    try:
        for node in nodes:
            node.wait_until_up()
        direct = [node.instance for node in nodes]
        with proxied(direct) as slow:
            return [
                compare("ring of 8, 20 databases", home, nodes, direct, goal=2.0),
                compare("the same, 10 ms more a request", home, nodes, slow, goal=10.0),
            ]
    finally:
        for node in nodes:
            node.end()


@contextmanager
def proxied(instances: Sequence[Instance]) -> Iterator[list[Instance]]:
    """The same instances by other addresses, behind a proxy; what they say to each other goes straight."""
    ports = [instance.address.rpartition(":")[2] for instance in instances]
    command = [sys.executable, "-m", "tests.bench.proxy", str(DELAY), *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], 30)
            assert ready, "the proxy does not start"
            found = process.stdout.readline().decode().split()
            yield [
                replace(i, address=f"http://127.0.0.1:{port}", loopback=i.address)
                for i, port in zip(instances, found, strict=True)
            ]
        finally:
            process.kill()


def compare(
    name: str, home: Path, nodes: Sequence[script.Node], instances: Sequence[Instance], *, goal: float
) -> Figure:
    kanto: list[float] = []
    floor: list[float] = []
    for number in range(RUNS + 1):
        databases = [f"bench-{number:02}-{n:02}" for n in range(DATABASES)]
        took = as_kanto(home / "platform", instances, databases)
        clear(nodes, databases)
        alone = one_at_a_time(instances, databases)
        clear(nodes, databases)
        if number > 0:  # the first is the warm-up
            kanto.append(took)
            floor.append(alone)
    return Figure(
        name,
        "s",
        kanto,
        "a PUT of each database, then of each document, one after the other over connections kept open",
        floor,
        at_least(goal),
        is_inverse=True,
    )


def ring_of(instances: Sequence[Instance]) -> list[tuple[Instance, Instance]]:
    by_name = {instance.name: instance for instance in instances}
    return [(by_name[link.source], by_name[link.target]) for link in sorted(links(by_name))]


def as_kanto(folder: Path, instances: Sequence[Instance], databases: Sequence[str]) -> float:
    """The two plans that `decide` makes for this, carried out by `apply`."""
    spec = ClusterSpec("johny2", "ring", "first", len(instances), tuple(databases), "johny2", "")
    create = [CreateDatabases(i.name, tuple(databases)) for i in instances]
    put = [
        PutReplications(source.name, tuple(Wanted(source.name, target.name, database) for database in databases))
        for source, target in ring_of(instances)
    ]
    hands_for = Observed(Platformed(tuple(instances)))
    with HttpCouch() as couch, ThreadPoolExecutor(32) as executor:
        hands = Hands(spec, hands_for, fence=1, platform=Known(folder, 0), couch=couch, check=lambda: None)
        began = time.monotonic()
        for plan in (create, put):
            apply(plan, hands, check=lambda: None, executor=executor)
        return time.monotonic() - began


def one_at_a_time(instances: Sequence[Instance], databases: Sequence[str]) -> float:
    login = (script.CREDENTIALS.name, script.CREDENTIALS.password)
    with httpx.Client(auth=login, trust_env=False, timeout=10) as client:
        began = time.monotonic()
        for instance in instances:
            for database in databases:
                assert client.put(f"{instance.address}/{database}").status_code == 201
        for source, target in ring_of(instances):
            for database in databases:
                document = build_replication(database, source, target, script.CREDENTIALS)
                path = f"/_replicator/{quote(replication_id(database, target.name), safe='')}"
                assert client.put(f"{source.address}{path}", json=document).status_code == 201
        return time.monotonic() - began


def clear(nodes: Sequence[script.Node], databases: Sequence[str]) -> None:
    """As before, so that no run has more to do than another."""

    def clear_one(node: script.Node) -> None:
        rows = node.client.get("/_replicator/_all_docs").json()["rows"]
        gone = [{"_id": r["id"], "_rev": r["value"]["rev"], "_deleted": True} for r in rows if r["id"][0] != "_"]
        node.client.post("/_replicator/_bulk_docs", json={"docs": gone})
        for database in databases:
            node.client.delete(f"/{database}")

    with ThreadPoolExecutor(len(nodes)) as executor:
        list(executor.map(clear_one, nodes))
