"""The two worlds the contract suite runs in: servers in memory, and stand-ins for CouchDB over HTTP."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tests.twins.couch.adapter import MemoryCouch
from tests.twins.couch.world import Server as MemoryServer
from tests.twins.couch.world import World
from worker.core.observed import Instance, Node
from worker.couch.adapter import HttpCouch
from worker.ports import Couch, Credentials

from .servers import Server, path_of, wait_until

CREDENTIALS = Credentials("kanto-7f3a", "Zq8-the-password-of-kanto")
TICKS = 500


class Ring(Protocol):
    """Three instances and what a test needs beside the port: to play users, to break things, to let time pass."""

    couch: Couch
    instances: tuple[Instance, ...]
    credentials: Credentials

    def until(self, condition: Callable[[], object], what: str) -> None: ...
    def write(self, name: str, database: str, doc_id: str, text: str = "") -> bool:
        """As a user; whether it was acknowledged. Two of one text are one revision, but in memory."""
        ...

    def ids(self, name: str, database: str) -> set[str]: ...
    def partition(self, name: str, database: str) -> None:
        """Make a partitioned database of four shards, as an admin would."""
        ...

    def is_partitioned(self, name: str, database: str) -> bool:
        """Whether it is one of four shards; in memory there are no shards."""
        ...

    def refuse(self, name: str, database: str, doc_id: str | None) -> None:
        """From now on this document is refused there, by a rule of a user's; None: that rule is gone."""
        ...

    def put_document(self, name: str, document: dict[str, Any]) -> None:
        """Write a document of `_replicator` as a person would, over what is there."""
        ...

    def document(self, name: str, doc_id: str) -> dict[str, Any] | None: ...
    def stop(self, name: str) -> None: ...
    def start(self, name: str) -> None: ...
    def replace(self, name: str) -> None:
        """The same address, other data, another uuid."""
        ...

    def restart(self, name: str) -> None:
        """As a crash in which the program comes back at once with its files."""
        ...


class MemoryRing:
    def __init__(self) -> None:
        self.credentials = CREDENTIALS
        self.instances = tuple(
            Instance(f"cdb-{n}", f"id-{n}", f"http://s{n}:5984", f"http://s{n}:5984", "running", serving=True)
            for n in range(3)
        )
        self.world = World()
        self.couch: Couch = MemoryCouch(self.world)
        self._made = 0
        for instance in self.instances:
            self.replace(instance.name)

    def _server(self, name: str) -> MemoryServer:
        return self.world.servers[next(i.address for i in self.instances if i.name == name)]

    def until(self, condition: Callable[[], object], what: str) -> None:
        for _ in range(TICKS):
            if condition():
                return
            self.world.tick()
        raise AssertionError(f"not within {TICKS} ticks: {what}")

    def write(self, name: str, database: str, doc_id: str, text: str = "") -> bool:  # noqa: ARG002 -- see Ring
        return self._server(name).write(database, doc_id) is not None

    def ids(self, name: str, database: str) -> set[str]:
        return {revision.doc_id for revision in self._server(name).databases[database].revisions}

    def partition(self, name: str, database: str) -> None:
        self._server(name).create(database, is_partitioned=True)

    def is_partitioned(self, name: str, database: str) -> bool:
        return self._server(name).databases[database].is_partitioned

    def refuse(self, name: str, database: str, doc_id: str | None) -> None:
        self._server(name).databases[database].refuses = set() if doc_id is None else {doc_id}

    def put_document(self, name: str, document: dict[str, Any]) -> None:
        self._server(name).put_document(document)

    def document(self, name: str, doc_id: str) -> dict[str, Any] | None:
        return self._server(name).documents.get(doc_id)

    def stop(self, name: str) -> None:
        self._server(name).stop()

    def start(self, name: str) -> None:
        self._server(name).start()

    def restart(self, name: str) -> None:
        self._server(name).restart(ticks=0)

    def replace(self, name: str) -> None:
        self._made += 1
        address = next(i.address for i in self.instances if i.name == name)
        admins = {self.credentials.name: self.credentials.password}
        self.world.add(MemoryServer(address, f"uuid-{self._made}", admins))


class HttpRing:
    def __init__(self, servers: list[Server], couch: HttpCouch) -> None:
        self.credentials = CREDENTIALS
        self.servers = servers
        self.couch: Couch = couch
        self.instances = instances_of(servers)

    def _server(self, name: str) -> Server:
        return self.servers[int(name.removeprefix("cdb-"))]

    def until(self, condition: Callable[[], object], what: str) -> None:
        wait_until(condition, what)

    def write(self, name: str, database: str, doc_id: str, text: str = "") -> bool:
        return self._server(name).write_as_user(database, doc_id, text)

    def ids(self, name: str, database: str) -> set[str]:
        rows = self._server(name).call("GET", f"{path_of(database)}/_all_docs")["rows"]
        return {row["id"] for row in rows}

    def partition(self, name: str, database: str) -> None:
        self._server(name).call("PUT", f"{path_of(database)}?partitioned=true&q=4")

    def is_partitioned(self, name: str, database: str) -> bool:
        info = self._server(name).call("GET", path_of(database))
        return (info["props"], info["cluster"]["q"]) == ({"partitioned": True}, 4)

    def refuse(self, name: str, database: str, doc_id: str | None) -> None:
        path = f"{path_of(database)}/_design/rule"
        if doc_id is None:
            revision = self._server(name).call("GET", path)["_rev"]
            self._server(name).call("DELETE", f"{path}?rev={revision}")
            return
        rule = f"function (doc) {{ if (doc._id === '{doc_id}') throw({{forbidden: 'no'}}) }}"
        self._server(name).call("PUT", path, {"validate_doc_update": rule})

    def put_document(self, name: str, document: dict[str, Any]) -> None:
        found = self.document(name, document["_id"])
        revision = {"_rev": found["_rev"]} if found else {}
        body = {key: value for key, value in document.items() if key != "_rev"}
        self._server(name).call("PUT", f"/_replicator{path_of(document['_id'])}", body | revision)

    def document(self, name: str, doc_id: str) -> dict[str, Any] | None:
        answer = self._server(name).http.get(f"/_replicator{path_of(doc_id)}")
        found: dict[str, Any] = answer.json()
        return found if answer.status_code == 200 else None

    def stop(self, name: str) -> None:
        self._server(name).end()

    def start(self, name: str) -> None:
        self._server(name).begin()

    def restart(self, name: str) -> None:
        self._server(name).end()
        self._server(name).begin()
        self._server(name).wait()

    def replace(self, name: str) -> None:
        server = self._server(name)
        server.renew()
        server.wait()


def instances_of(servers: Sequence[Server]) -> tuple[Instance, ...]:
    return tuple(
        Instance(f"cdb-{n}", f"id-{n}", server.address, server.address, "running", serving=True)
        for n, server in enumerate(servers)
    )


def nodes(ring: Ring) -> dict[str, Node]:
    """Those that answer."""
    seen = ring.couch.observe(ring.instances, ring.credentials)
    return {name: node for name, node in seen.items() if isinstance(node, Node)}
