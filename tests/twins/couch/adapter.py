"""The `Couch` port over servers in memory, for a deterministic simulation."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress

from common.errors import TemporaryError
from common.view import ConflictCount
from tests.twins.couch import drain
from tests.twins.couch.jobs import key_of, rows
from tests.twins.couch.world import Server, World
from worker.core.observed import Down, Drained, Fence, Instance, Node, Proof, Unknown
from worker.core.ring import Wanted
from worker.couch.documents import (
    DRAIN,
    RING,
    Document,
    build_fill,
    build_replication,
    fill_id,
    has_ended,
    is_sound,
    kick,
    parse_fill_id,
    replication_id,
)
from worker.couch.errors import Away, Refused, Unclear
from worker.couch.proof import whole_targets
from worker.couch.reports import Row, read_fills, read_replications, without_unopened
from worker.ports import Credentials


class MemoryCouch:
    """See `worker.ports.Couch`. What it says of a server is what `world` holds; nothing moves but by `world.tick`."""

    def __init__(self, world: World) -> None:
        self.world = world

    def observe(
        self, instances: Sequence[Instance], credentials: Credentials, security: Collection[str] = ()
    ) -> Mapping[str, Node | Down | Unknown]:
        return {instance.name: self._look(instance, instances, credentials, security) for instance in instances}

    def _look(
        self, instance: Instance, siblings: Sequence[Instance], credentials: Credentials, security: Collection[str]
    ) -> Node | Down | Unknown:
        if instance.phase != "running":
            return Down(instance.reason or f"{instance.name} is not running")
        try:
            server = self._reach(instance, credentials)
            if server.fault == "mute":
                return Unknown(f"{instance.name} did not answer in time")
        except Away as away:
            return Down(away.message)
        except (Unclear, Refused) as unclear:
            return Unknown(unclear.message)
        documents, states = server.documents.values(), reported(server)
        return Node(
            uuid=server.uuid,
            databases=tuple(sorted(server.databases)),
            security={name: server.databases[name].security for name in sorted(security) if name in server.databases},
            replications=read_replications(documents, states, instance, siblings, credentials),
            fills=read_fills(documents, states, instance, siblings, credentials),
            fence=fence_of(server),
            admins=server.lines,
        )

    def create_databases(
        self,
        instance: Instance,
        databases: Sequence[str],
        credentials: Credentials,
        *,
        like: Mapping[str, Instance] | None = None,
    ) -> None:
        def act(server: Server) -> None:
            for name in databases:
                other = (like or {}).get(name)
                with suppress(Away, Unclear):
                    found = None if other is None else self._reach(other, credentials).databases.get(name)
                    server.create(name, is_partitioned=found is not None and found.is_partitioned)

        self._command(instance, credentials, act)

    def drop_databases(self, instance: Instance, databases: Sequence[str], credentials: Credentials) -> None:
        def act(server: Server) -> None:
            for name in databases:
                server.databases.pop(name, None)

        self._command(instance, credentials, act)

    def count_conflicts(
        self, instance: Instance, databases: Sequence[str], credentials: Credentials, *, seconds: float
    ) -> tuple[ConflictCount, ...]:
        """Everything at once, or nothing if there are no `seconds`."""
        try:
            server = self._reach(instance, credentials)
            there = {} if seconds <= 0 or server.fault == "mute" else server.databases
        except TemporaryError:
            there = {}
        return tuple(
            ConflictCount(name, there[name].conflicts(), is_complete=True) if name in there else ConflictCount(name)
            for name in databases
        )

    def put_security(self, instance: Instance, security: Mapping[str, str], credentials: Credentials) -> None:
        def act(server: Server) -> None:
            for name, text in security.items():
                if name not in server.databases:
                    raise Unclear(f"{instance.name} has no database {name}")
                canonical = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
                server.databases[name].security = canonical

        self._command(instance, credentials, act)

    def put_login(self, instance: Instance, user: str, line: str, credentials: Credentials) -> None:
        def act(server: Server) -> None:
            if fence_of(server) is None:
                server.lines = {**(server.lines or {}), user: line}

        self._command(instance, credentials, act)

    def put_replications(
        self, instance: Instance, wanted: Sequence[Wanted], siblings: Sequence[Instance], credentials: Credentials
    ) -> None:
        by_name = {sibling.name: sibling for sibling in siblings}

        def act(server: Server) -> None:
            for w in wanted:
                document = build_replication(w.database, instance, by_name[w.target], credentials)
                server.put_document(kick(document, server.documents.get(document["_id"])))

        self._command(instance, credentials, act)

    def delete_replications(self, instance: Instance, unwanted: Sequence[Wanted], credentials: Credentials) -> None:
        def act(server: Server) -> None:
            for w in unwanted:
                server.delete_document(replication_id(w.database, w.target))

        self._command(instance, credentials, act)

    def put_fills(
        self, instance: Instance, source: Instance, databases: Sequence[str], credentials: Credentials
    ) -> None:
        def act(server: Server) -> None:
            for database in databases:
                document = build_fill(database, source, instance, credentials)
                if not is_under_way(server.documents.get(fill_id(database, source.name)), document):
                    server.put_document(document)

        self._command(instance, credentials, act)

    def delete_fills(self, instance: Instance, credentials: Credentials) -> None:
        def act(server: Server) -> None:
            for doc_id in [doc_id for doc_id in server.documents if parse_fill_id(doc_id)]:
                server.delete_document(doc_id)

        self._command(instance, credentials, act)

    def fence(self, instance: Instance, nonce: str, credentials: Credentials) -> None:
        """One stage a call, so that a simulation meets every half-made fence."""

        def act(server: Server) -> None:
            if server.checked == nonce and server.walls == nonce:
                if server.marker is None:
                    server.fenced = nonce
                else:
                    server.restart(self.world.restart_ticks)
            elif server.marker != nonce:
                server.fenced = server.checked = None
                server.marker = nonce
            elif server.walls != nonce:
                server.walls = nonce
            else:
                server.checked = nonce

        self._command(instance, credentials, act)

    def unfence(self, instance: Instance, credentials: Credentials) -> None:
        def act(server: Server) -> None:
            server.fenced = server.checked = server.marker = server.walls = None
            server.is_closed = False

        self._command(instance, credentials, act)

    def drain(
        self, leaver: Instance, target: Instance, proofs: Sequence[Proof], credentials: Credentials, *, seconds: float
    ) -> Drained:
        """One page of each database a call, however many `seconds` there are; none if there are none."""
        source, survivor = self._reach(leaver, credentials), self._reach(target, credentials)
        if survivor.is_full:
            raise Unclear(f"{target.name} answered 500: no space left on device")
        link = drain.Link(source, survivor, leaver, target, credentials)
        drained = drain.Piece(link, self.world.page if seconds > 0 else 0).drain(proofs)
        self.world.stir()
        if "mute" in (source.fault, survivor.fault):
            raise Unclear(f"{leaver.name} or {target.name} did not answer in time")
        return drained

    def verify(
        self,
        leaver: Instance,
        nonce: str,
        proofs: Sequence[Proof],
        targets: Sequence[Instance],
        credentials: Credentials,
    ) -> str | None:
        source = self._reach(leaver, credentials)
        whole = whole_targets(proofs, drain.to_give(source))
        survivors = {target.name: self._reach(target, credentials) for target in targets if target.name in whole}
        return drain.verify(source, nonce, proofs, survivors)

    def copy_user_replications(self, leaver: Instance, target: Instance, credentials: Credentials) -> tuple[str, ...]:
        source, survivor = self._reach(leaver, credentials), self._reach(target, credentials)
        own = {i: document for i, document in source.documents.items() if not i.startswith((RING, DRAIN))}
        if survivor.is_full:
            raise Unclear(f"{target.name} answered 500: no space left on device")
        self.world.stir()
        for doc_id, document in own.items():
            if doc_id not in survivor.documents:
                survivor.put_document(document)
        return tuple(sorted(i for i in own if key_of(survivor.documents[i]) != key_of(own[i])))

    def _command(self, instance: Instance, credentials: Credentials, act: Callable[[Server], None]) -> None:
        server = self._reach(instance, credentials)
        if server.is_full:
            raise Unclear(f"{instance.name} answered 500: no space left on device")
        act(server)
        self.world.stir()
        if server.fault == "mute":
            raise Unclear(f"{instance.name} did not answer in time")

    def _reach(self, instance: Instance, credentials: Credentials) -> Server:
        server = self.world.servers.get(instance.address)
        if server is None or not server.is_up:
            raise Away(f"{instance.name} at {instance.address} cannot be reached: connection refused")
        if server.fault == "unclear":
            raise Unclear(f"{instance.name} did not answer in time")
        if server.admins.get(credentials.name) != credentials.password:
            raise Refused(f"{instance.name} refuses kanto's own login: unauthorized")
        return server


def reported(server: Server) -> dict[str, Row]:
    """The scheduler's rows as the real adapter takes them."""
    opened = {doc_id for doc_id, job in server.jobs.items() if job.is_open}
    return without_unopened(dict(rows(server.jobs)), opened)


def fence_of(server: Server) -> Fence | None:
    if server.fenced is not None and server.fenced == server.walls:
        return Fence(server.fenced)
    return Fence(None) if any((server.marker, server.walls, server.checked, server.fenced)) else None


def is_under_way(found: Document | None, wanted: Document) -> bool:
    return found is not None and is_sound(found, wanted) and not has_ended(found)
