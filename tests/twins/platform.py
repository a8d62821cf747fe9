"""The Platform port in memory, for tests and a deterministic simulation: instances are values, faults are switches.

It promises no more than the protocol does, so that what is built on it can do with Kubernetes: unlike the process
platform it forgets a removed cluster's fencing number with its anchor. No clock and no chance but a counter.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Protocol

from common.cluster import ClusterKey, ClusterSpec, MirrorRecord
from common.errors import LeaseLost, PermanentError, TemporaryError
from common.names import cluster_name, instance_name
from worker.core.observed import Instance, Platformed, Unknown
from worker.platforms.mirror import is_news
from worker.ports import Credentials


class Servers(Protocol):
    """What runs in the instances, if anything does: told of each start and each end."""

    def started(self, address: str, uuid: str, credentials: Credentials) -> None:
        """A server with this data runs at this address; its own admin is the one given."""
        ...

    def ended(self, address: str, *, has_data: bool) -> None:
        """The server at this address has died, or was dead; without data it never comes back."""
        ...


@dataclass
class Faults:
    """Switches. `is_away`: nothing answers, nothing is done. `is_deaf`: all is done, the answer to it is lost.

    `breaks_after`: the next calls do that many effects in all, and then break off. `why_not_starting`: new and killed
    instances stay down, for this reason. `retires_slowly`: the first call ends the instance and its data, the next one
    takes it off the list.
    """

    is_away: bool = False
    is_deaf: bool = False
    breaks_after: int | None = None
    why_not_starting: str = ""
    retires_slowly: bool = False


@dataclass(frozen=True, slots=True)
class MemoryInstance:
    """`identity` is the uuid of its data too. `moves`: it starts at another address next time."""

    ordinal: int
    identity: str
    address: str
    is_running: bool = False
    reason: str = "it has not been started yet"
    moves: bool = False
    is_going: bool = False


@dataclass(frozen=True, slots=True)
class MemoryCluster:
    """The anchor and all that belongs to it."""

    key: ClusterKey
    incarnation: str
    fence: int
    record: MirrorRecord | None = None
    endpoint: str | None = None
    credentials: Credentials | None = None
    instances: Mapping[int, MemoryInstance] = field(default_factory=dict)
    serving: frozenset[str] = frozenset()

    def with_instance(self, instance: MemoryInstance) -> "MemoryCluster":
        return replace(self, instances=dict(sorted({**self.instances, instance.ordinal: instance}.items())))

    def without(self, ordinal: int) -> "MemoryCluster":
        return replace(self, instances={n: i for n, i in self.instances.items() if n != ordinal})


class MemoryPlatform:
    """See the module and `worker.ports.Platform`. May be used from many threads."""

    def __init__(self, servers: Servers | None = None, *, keeps_addresses: bool = True) -> None:
        self.faults = Faults()
        self.clusters: MutableMapping[str, MemoryCluster] = {}
        self._servers = servers
        self._keeps_addresses = keeps_addresses
        self._counter = 0
        self._lock: AbstractContextManager[object] = threading.RLock()

    # looking

    def observe(self, spec: ClusterSpec) -> Platformed | Unknown:
        with self._lock:
            if self.faults.is_away:
                return Unknown("the platform does not answer")
            found = self._mine(spec)
            if found is None:
                return Platformed()
            shown = tuple(self._show(self._name(spec), i, found.serving) for i in found.instances.values())
            return Platformed(shown, found.endpoint)

    def credentials(self, spec: ClusterSpec) -> Credentials | Unknown:
        with self._lock:
            if self.faults.is_away:
                return Unknown("the platform does not answer")
            found = self._mine(spec)
            credentials = found.credentials if found is not None else None
            return credentials or Unknown("kanto's login is not made yet")

    def records(self) -> Iterable[MirrorRecord] | Unknown:
        with self._lock:
            if self.faults.is_away:
                return Unknown("the platform does not answer")
            return tuple(replace(c.record, fence=c.fence) for c in self.clusters.values() if c.record is not None)

    # changing

    def claim(self, spec: ClusterSpec, fence: int) -> None:
        with self._call():
            name = self._name(spec)
            found = self.clusters.get(name)
            if found is None or not _is_of(found, spec):
                if spec.deleted:
                    return
                if found is not None:
                    self._take_over(found, spec, fence)
                self._put(name, MemoryCluster(spec.key, spec.incarnation, fence))
            else:
                _check_fence(found, fence)
                self._put(name, replace(found, fence=fence))

    def _take_over(self, found: MemoryCluster, spec: ClusterSpec, fence: int) -> None:
        if found.key != spec.key:
            raise PermanentError("name_taken", f"{self._name(spec)} is the name of a cluster of another user")
        _check_fence(found, fence)
        is_deleted = found.record is not None and found.record.spec.deleted
        if found.instances and not is_deleted:
            raise PermanentError("name_taken", f"{self._name(spec)} holds data of a cluster that nobody deleted")
        self._clear(self._name(spec))

    def mirror(self, record: MirrorRecord) -> None:
        with self._call():
            if record.spec.deleted and self._mine(record.spec) is None:
                return
            found = self._writable(record.spec, record.fence)
            if is_news(found.record, record):
                self._put(self._name(record.spec), replace(found, record=record))

    def provision(self, spec: ClusterSpec, keep: Sequence[str], fence: int) -> None:  # noqa: ARG002
        """Nothing that is there is ever removed, so `keep` asks for no more than is done anyway."""
        with self._call():
            name = self._name(spec)
            found = self._writable(spec, fence)
            if found.credentials is None:
                if found.instances:
                    raise PermanentError("credentials_lost", f"the login of {name} is missing, although it has data")
                number = self._number()
                self._put(name, replace(found, credentials=Credentials(f"kanto-{number}", f"secret-{number}")))
            if found.endpoint is None:
                self._put(name, replace(self.clusters[name], endpoint=self._address()))
            while sum(not i.is_going for i in self.clusters[name].instances.values()) < spec.replicas:
                ordinal = next(n for n in count() if n not in self.clusters[name].instances)
                new = MemoryInstance(ordinal, f"uuid-{self._number()}", self._address())
                self._put(name, self.clusters[name].with_instance(new))
            for instance in self.clusters[name].instances.values():
                if not instance.is_running and not instance.is_going:
                    self._start(name, instance)

    def serve(self, spec: ClusterSpec, names: Sequence[str], fence: int) -> None:
        with self._call():
            name = self._name(spec)
            found = self._writable(spec, fence)
            there = {instance_name(name, ordinal) for ordinal in found.instances}
            self._put(name, replace(found, serving=frozenset(names) & there))

    def retire(self, spec: ClusterSpec, instance: Instance, fence: int) -> None:
        with self._call():
            name = self._name(spec)
            found = self._writable(spec, fence)
            for known in found.instances.values():
                if known.identity == instance.identity and instance_name(name, known.ordinal) == instance.name:
                    self._put(name, replace(found, serving=found.serving - {instance.name}))
                    self._retire(name, known)

    def remove(self, spec: ClusterSpec, fence: int) -> None:
        with self._call():
            found = self._mine(spec)
            if found is not None:
                _check_fence(found, fence)
                self._clear(self._name(spec))

    # what befalls

    def kill(self, spec: ClusterSpec, ordinal: int, *, has_data: bool = True, moves: bool = False) -> None:
        """An instance dies; without its data it is another when it comes back, and it gets no traffic then.

        `moves`: it comes back at another address.
        """
        with self._lock:
            name = self._name(spec)
            found = self.clusters[name]
            instance = found.instances[ordinal]
            if self._servers is not None and (instance.is_running or not has_data):
                self._servers.ended(instance.address, has_data=has_data)
            dead = replace(instance, is_running=False, reason="it ended without a word", moves=moves)
            if not has_data:
                dead = replace(dead, identity=f"uuid-{self._number()}")
                found = replace(found, serving=found.serving - {instance_name(name, ordinal)})
            self.clusters[name] = found.with_instance(dead)

    def lose_credentials(self, spec: ClusterSpec) -> None:
        """Somebody deletes kanto's login."""
        with self._lock:
            name = self._name(spec)
            self.clusters[name] = replace(self.clusters[name], credentials=None)

    # how

    def _start(self, name: str, instance: MemoryInstance) -> None:
        if self.faults.why_not_starting:
            waiting = replace(instance, reason=self.faults.why_not_starting)
            self.clusters[name] = self.clusters[name].with_instance(waiting)
            return
        address = instance.address if self._keeps_addresses and not instance.moves else self._address()
        started = replace(instance, address=address, is_running=True, reason="", moves=False)
        self._put(name, self.clusters[name].with_instance(started))
        credentials = self.clusters[name].credentials
        if self._servers is not None and credentials is not None:
            self._servers.started(address, instance.identity, credentials)

    def _retire(self, name: str, instance: MemoryInstance) -> None:
        if not self.faults.retires_slowly or instance.is_going:
            self._drop(name, instance)
            return
        self._put(name, self.clusters[name].with_instance(replace(instance, is_running=False, is_going=True)))
        if self._servers is not None:
            self._servers.ended(instance.address, has_data=False)

    def _drop(self, name: str, instance: MemoryInstance) -> None:
        self._put(name, self.clusters[name].without(instance.ordinal))
        if self._servers is not None:
            self._servers.ended(instance.address, has_data=False)

    def _clear(self, name: str) -> None:
        """One thing after the other; the endpoint goes with the anchor, so that a rest of it all can be seen."""
        for instance in self.clusters[name].instances.values():
            self._drop(name, instance)
        self._spend()
        del self.clusters[name]

    def _put(self, name: str, cluster: MemoryCluster) -> None:
        """Every effect goes through here, so that a call can be broken off before any of them."""
        if self.clusters.get(name) != cluster:
            self._spend()
            self.clusters[name] = cluster

    def _spend(self) -> None:
        left = self.faults.breaks_after
        if left is not None:
            if left <= 0:
                raise TemporaryError("platform_broke_off", "the platform stopped in the middle of a call")
            self.faults.breaks_after = left - 1

    @contextmanager
    def _call(self) -> Iterator[None]:
        with self._lock:
            if self.faults.is_away:
                raise TemporaryError("platform_away", "the platform does not answer")
            yield
            if self.faults.is_deaf:
                raise TemporaryError("platform_away", "the platform did not answer in time")

    def _mine(self, spec: ClusterSpec) -> MemoryCluster | None:
        found = self.clusters.get(self._name(spec))
        return found if found is not None and _is_of(found, spec) else None

    def _writable(self, spec: ClusterSpec, fence: int) -> MemoryCluster:
        found = self._mine(spec)
        if found is None:
            raise LeaseLost(f"{self._name(spec)} was not claimed, or has been removed since")
        _check_fence(found, fence)
        return found

    def _show(self, name: str, known: MemoryInstance, serving: frozenset[str]) -> Instance:
        shown = instance_name(name, known.ordinal)
        return Instance(
            name=shown,
            identity=known.identity,
            address=known.address,
            url=known.address,
            phase="running" if known.is_running else "down",
            serving=shown in serving,
            reason=known.reason,
            is_going=known.is_going,
        )

    def _name(self, spec: ClusterSpec) -> str:
        return cluster_name(spec.user, spec.tag)

    def _number(self) -> int:
        self._counter += 1
        return self._counter

    def _address(self) -> str:
        return f"http://127.0.0.1:{20_000 + self._number()}"


def _is_of(found: MemoryCluster, spec: ClusterSpec) -> bool:
    return found.key == spec.key and found.incarnation == spec.incarnation


def _check_fence(found: MemoryCluster, fence: int) -> None:
    if fence < found.fence:
        raise LeaseLost(f"the cluster was claimed with {found.fence}, after {fence}")
