"""The `Couch` port over HTTP: CouchDB 3.x."""

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from types import TracebackType
from typing import Any, Self

import httpx

from common.errors import KantoError, TemporaryError
from common.view import ConflictCount
from worker import times
from worker.core.observed import Down, Drained, Instance, Node, Proof, Unknown
from worker.core.ring import Wanted
from worker.couch import conflicts, copying, drain, fence, login, making, proof, replicator
from worker.couch.client import CONNECT_SECONDS, READ_SECONDS, Client, Talk
from worker.couch.documents import (
    Document,
    build_fill,
    build_replication,
    database_path,
    fill_id,
    has_ended,
    is_sound,
    kick,
    replication_id,
)
from worker.couch.look import look
from worker.ports import Credentials

WORKING_PART = 0.75
"""A piece of a drain begins nothing new after this part of its time, so that what it has begun ends within it."""

THREADS = 64
LANES = 8
"""Requests at once to one instance."""


class HttpCouch:
    """See `worker.ports.Couch`. One object serves all threads and clusters of a worker; `close` it at the end.

    A look at all instances takes at most `look_seconds`, a command at most `command_seconds`, whatever they do; within
    these an instance has `connect_seconds` to take a connection and `read_seconds` for each answer to go on.
    `transport` takes the place of the network; `on_call` hears of each exchange: method, status (0: none) and seconds.
    """

    def __init__(
        self,
        *,
        threads: int = THREADS,
        look_seconds: float = times.LOOK,
        command_seconds: float = times.COMMAND,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
        transport: httpx.BaseTransport | None = None,
        on_call: Callable[[str, int, float], None] = lambda _method, _status, _seconds: None,
    ) -> None:
        self._look_seconds = look_seconds
        self._command_seconds = command_seconds
        self._client = Client(
            connections=threads * 2,
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
            monotonic=monotonic,
            transport=transport,
            on_call=on_call,
        )
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="couch")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the threads (each within its call's longest time) and the connections."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    def observe(
        self, instances: Sequence[Instance], credentials: Credentials, security: Collection[str] = ()
    ) -> Mapping[str, Node | Down | Unknown]:
        until = self._client.monotonic() + self._look_seconds
        seen: dict[str, Node | Down | Unknown] = {}
        asked: dict[str, Future[Node | Down | Unknown]] = {}
        for instance in instances:
            if instance.phase != "running":
                seen[instance.name] = Down(instance.reason or f"{instance.name} is not running")
                continue
            talk = self._client.talk(instance, credentials, until=until)
            asked[instance.name] = self._pool.submit(look, talk, instances, security)
        return seen | {name: self._answer(name, future, until) for name, future in asked.items()}

    def _answer(self, name: str, future: "Future[Node | Down | Unknown]", until: float) -> Node | Down | Unknown:
        try:
            return future.result(timeout=max(until - self._client.monotonic(), 0) + 1.0)
        except FutureTimeoutError:
            future.cancel()
            return Unknown(f"{name} was not read in time")

    def create_databases(
        self,
        instance: Instance,
        databases: Sequence[str],
        credentials: Credentials,
        *,
        like: Mapping[str, Instance] | None = None,
    ) -> None:
        others = {database: self._talk(other, credentials) for database, other in (like or {}).items()}

        def create(talk: Talk, database: str) -> None:
            if database in others:
                making.make_like(talk, database, others[database])
            else:
                making.make(talk, database)

        self._each(self._talk(instance, credentials), create, databases)

    def drop_databases(self, instance: Instance, databases: Sequence[str], credentials: Credentials) -> None:
        def drop(talk: Talk, database: str) -> None:
            talk.delete(f"/{database_path(database)}", accept=(200, 202, 404))

        self._each(self._talk(instance, credentials), drop, databases)

    def count_conflicts(
        self, instance: Instance, databases: Sequence[str], credentials: Credentials, *, seconds: float
    ) -> tuple[ConflictCount, ...]:
        now, longest = self._client.monotonic(), min(seconds, self._command_seconds)
        talk = self._client.talk(instance, credentials, until=now + longest)
        return conflicts.count_conflicts(talk, databases, until=now + longest * WORKING_PART)

    def put_security(self, instance: Instance, security: Mapping[str, str], credentials: Credentials) -> None:
        def put(talk: Talk, database: str) -> None:
            talk.put(f"/{database_path(database)}/_security", json.loads(security[database]), accept=(200,))

        self._each(self._talk(instance, credentials), put, security)

    def put_login(self, instance: Instance, user: str, line: str, credentials: Credentials) -> None:
        login.put_login(self._talk(instance, credentials), user, line)

    def put_replications(
        self, instance: Instance, wanted: Sequence[Wanted], siblings: Sequence[Instance], credentials: Credentials
    ) -> None:
        by_name = {sibling.name: sibling for sibling in siblings}
        gone = sorted({w.target for w in wanted} - set(by_name))
        if gone:
            raise TemporaryError(
                "no_such_instance", f"{', '.join(gone)}: not there any more, nothing can replicate to it"
            )
        changes = {
            replication_id(w.database, w.target): _put(
                build_replication(w.database, instance, by_name[w.target], credentials)
            )
            for w in wanted
        }
        replicator.rewrite(self._talk(instance, credentials), changes)

    def delete_replications(self, instance: Instance, unwanted: Sequence[Wanted], credentials: Credentials) -> None:
        changes = {replication_id(w.database, w.target): replicator.remove for w in unwanted}
        replicator.rewrite(self._talk(instance, credentials), changes)

    def put_fills(
        self, instance: Instance, source: Instance, databases: Sequence[str], credentials: Credentials
    ) -> None:
        changes = {
            fill_id(database, source.name): _put_unless_under_way(build_fill(database, source, instance, credentials))
            for database in databases
        }
        replicator.rewrite(self._talk(instance, credentials), changes)

    def delete_fills(self, instance: Instance, credentials: Credentials) -> None:
        talk = self._talk(instance, credentials)
        replicator.rewrite(talk, dict.fromkeys(replicator.fill_ids(talk), replicator.remove))

    def fence(self, instance: Instance, nonce: str, credentials: Credentials) -> None:
        fence.fence(self._talk(instance, credentials), nonce)

    def unfence(self, instance: Instance, credentials: Credentials) -> None:
        fence.unfence(self._talk(instance, credentials))

    def drain(
        self, leaver: Instance, target: Instance, proofs: Sequence[Proof], credentials: Credentials, *, seconds: float
    ) -> Drained:
        now, longest = self._client.monotonic(), min(seconds, self._command_seconds)
        giving = self._client.talk(leaver, credentials, until=now + longest)
        taking = self._client.talk(target, credentials, until=now + longest)
        return drain.drain(giving, taking, proofs, until=now + longest * WORKING_PART)

    def verify(
        self,
        leaver: Instance,
        nonce: str,
        proofs: Sequence[Proof],
        targets: Sequence[Instance],
        credentials: Credentials,
    ) -> str | None:
        survivors = [self._talk(target, credentials) for target in targets]
        return proof.verify(self._talk(leaver, credentials), nonce, proofs, survivors)

    def copy_user_replications(self, leaver: Instance, target: Instance, credentials: Credentials) -> tuple[str, ...]:
        return copying.copy_user_replications(self._talk(leaver, credentials), self._talk(target, credentials))

    def _talk(self, instance: Instance, credentials: Credentials) -> Talk:
        return self._client.talk(instance, credentials, until=self._client.monotonic() + self._command_seconds)

    def _each(self, talk: Talk, do: Callable[[Talk, str], None], databases: Iterable[str]) -> None:
        """`do` for every database, a few at once. All are tried; then the first error is raised."""
        names = sorted(set(databases))
        lanes = [names[lane::LANES] for lane in range(min(LANES, len(names)))]
        futures = [self._pool.submit(_lane, talk, do, lane) for lane in lanes]
        errors = [error for future in futures for error in future.result()]
        if errors:
            raise errors[0]


def _lane(talk: Talk, do: Callable[[Talk, str], None], databases: Sequence[str]) -> list[KantoError]:
    errors: list[KantoError] = []
    for database in databases:
        try:
            do(talk, database)
        except KantoError as error:
            errors.append(error)
    return errors


def _put(wanted: Document) -> replicator.Change:
    """Write it; over a document that is there, with the other tuning value, which is a kick."""

    def change(found: Mapping[str, Any] | None) -> Document:
        return kick(wanted, found)

    return change


def _put_unless_under_way(wanted: Document) -> replicator.Change:
    """Write it, unless the same is there and has not ended: that goes on."""

    def change(found: Mapping[str, Any] | None) -> Document | None:
        is_under_way = found is not None and is_sound(found, wanted) and not has_ended(found)
        return None if is_under_way else wanted

    return change
