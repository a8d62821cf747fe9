"""Plays one plan: virtual time jumps from one event to the next, and workers, users and faults take turns by chance."""

import copy
import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from common.cluster import ClusterKey
from common.errors import LeaseLost, StoreUnavailable
from common.store.port import ClusterRecord, Lease
from tests.simulation import truth
from tests.simulation.borders import Border, Died, Violation
from tests.simulation.endings import Ending
from tests.simulation.engine import LEASE, AtOnce, Clock, Servers
from tests.simulation.faults import FAULTS
from tests.simulation.laws import Laws
from tests.simulation.ledger import Ledger
from tests.simulation.mutants import SOUND, Mutant
from tests.simulation.plan import Event, Plan
from tests.simulation.users import ACTIONS, KEY, LOGIN, begin, write, write_through_endpoint, write_to_one
from tests.twins.couch.world import Server, World
from tests.twins.platform import MemoryCluster, MemoryInstance
from tests.twins.store.store import MemoryStore
from worker.core.memory import Policy
from worker.meter import Meter
from worker.ports import Credentials
from worker.step import Engine, step
from worker.ticker import Ticker

TICK = 0.05
"""Virtual seconds of one tick of the servers."""

CALL = {"store": 0.001, "couch": 0.004, "platform": 0.003}
"""Virtual seconds that a call of a port takes when nothing is wrong."""

CALM = 900.0
"""Virtual seconds within which everything settles once the faults have stopped."""

SILENT = Meter()
WORKERS = 3
DEEPEST = 2
"""So many steps may be stopped in their middle at once; at least one worker goes on."""

MOST_MOMENTS = 6000


class Play:
    """`run` plays it to the end. A Violation tells what was broken, `story` what led to it."""

    def __init__(self, plan: Plan, mutant: Mutant = SOUND) -> None:
        self.plan = plan
        self.random = Random(f"{plan.seed} schedule")
        self.clock = Clock()
        self.began = self.clock.now
        self.shift = 0.0
        self.lease = LEASE
        self.story: list[str] = []
        self.counts: dict[str, int] = {}
        self.refused: set[str] = set()
        self.incarnations = self.requests = self.writes = self.own_documents = self.passwords = 0
        self.first_lines: dict[str, str] = {}
        self.world = World(
            notice_after=plan.notice_after,
            tries_for=plan.tries_for,
            batch=plan.batch,
            page=plan.page,
            restart_ticks=10,
            longest_wait=50_000,
            patience=30,
        )
        self.ledger = Ledger()
        self.laws = Laws(self)
        self.ending = Ending(self)
        self.servers = Servers(self.world)
        self.platform = mutant.platform(self)
        self.store = mutant.store(self.store_clock)
        self._mutant = mutant
        self.loses_wake_ups = self.doubles_wake_ups = False
        self._store_away_until = 0.0
        self._delays = dict(CALL)
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._armed: list[list[Any]] = []
        self._entries = 0
        self._ticks = 0
        self._depth = 0
        self._moments = 0
        self._running: list[str] = []
        self._tick_after = 0.0
        self._held: dict[str, Lease] = {}
        self._engines = {f"w{n}": self._build(f"w{n}") for n in range(WORKERS)}
        self._tickers = {owner: self._ticker(owner) for owner in self._engines}

    def store_clock(self) -> float:
        return self.clock.now + self.shift

    def _build(self, owner: str) -> Engine:
        couch = self._mutant.couch(self.world)
        return Engine(
            store=Border(self, owner, "store", lambda: self.store),
            platform=Border(self, owner, "platform", lambda: self.platform),
            couch=Border(self, owner, "couch", lambda: couch),
            clock=self.clock,
            executor=AtOnce(),
            policy=Policy(),
            owner=owner,
            lease_seconds=LEASE,
            holding=lambda lease: self._holding(owner, lease),
            jitter=self.random.random,
            meter=SILENT,
            doubt=lambda: self._doubt(owner),
        )

    def _ticker(self, owner: str) -> Ticker:
        engine = self._engines[owner]
        return Ticker(
            engine.store,
            records=engine.platform.records,
            send=self._send,
            owner=owner,
            lease_seconds=LEASE,
            monotonic=self.clock.monotonic,
        )

    def _doubt(self, owner: str) -> None:
        self._tickers[owner].doubt()

    # the play

    def run(self) -> None:
        with self._mutant.installed():
            self._tickers["w0"].tick()
            begin(self, self.plan.replicas)
            for event in self.plan.events:
                self.go_on(self.began + event.at)
                if event.calls:
                    self._armed.append([event.calls, event])
                else:
                    self.fire(event)
            self.go_on(self.clock.now + self.random.choice((0.5, 5.0)))
            self._calm()
            self.ending.end()

    def fire(self, event: Event) -> None:
        random = Random(event.roll)
        self.counts[event.kind] = self.counts.get(event.kind, 0) + 1
        self.laws.disturbed()
        self.world.stir()
        if event.kind in ACTIONS:
            ACTIONS[event.kind][0](self, random)
        else:
            FAULTS[event.kind].befall(self, random)
        self.world.stir()

    def _calm(self) -> None:
        """Whatever is wrong is mended; then everything must settle in time, and stay so through two upkeeps."""
        self.tell("the faults stop")
        self._armed.clear()
        self._agenda.clear()
        self.loses_wake_ups = self.doubles_wake_ups = False
        self._store_away_until = 0.0
        self._delays = dict(CALL)
        faults = self.platform.faults
        faults.is_away = faults.is_deaf = faults.retires_slowly = False
        faults.breaks_after, faults.why_not_starting = None, ""
        self.world.cuts.clear()
        cluster = self.cluster()
        for server in [*self.world.servers.values(), *self.servers.kept.values()]:
            server.fault, server.moves_every = "none", 1
            if cluster is not None and cluster.credentials is not None:
                server.admins = {cluster.credentials.name: cluster.credentials.password}
            for database in server.databases.values():
                database.refuses.clear()
        self.world.stir()
        self.wake()
        self.ending.calmed()
        self.go_on(self.clock.now + 2.5)
        for ticker in self._tickers.values():
            ticker.tick()  # as each does within a second: one that was cut off from Redis takes in the mirror
        end = self.clock.now + CALM
        while self.clock.now < end and not self.ending.is_settled():
            self.go_on(min(self.clock.now + 5.0, end))
        self.expect(
            self.ending.is_settled(), f"not settled {CALM:.0f} s after the last fault: {self.ending.why_unsettled()}"
        )
        self.tell("all is settled")
        self.ending.settled()
        self.go_on(self.clock.now + 70.0)

    # time

    def go_on(self, until: float) -> None:
        while True:
            at = max(min(until, self._next()), self.clock.now)
            self._move_to(at)
            self._moments += 1
            self.expect(self._moments < MOST_MOMENTS, "the history does not end: somebody is always at work")
            while self._agenda and self._agenda[0][0] <= self.clock.now:
                heapq.heappop(self._agenda)[2]()
            if self._due_at() <= self.clock.now:
                self._tick_one()
            if self.clock.now >= until:
                return
            self._write_a_little(0.5)

    def _next(self) -> float:
        return min(self._due_at(), self._agenda[0][0] if self._agenda else self._due_at())

    def _due_at(self) -> float:
        """When a ticker has something to do, in true virtual time."""
        state = self.store._state
        if not state.is_rebuilt:
            return self._tick_after
        due = min(state.due.values(), default=None)
        if due is None:
            return self.clock.now + 3600.0
        ahead = due / 1000 - self.store_clock()
        return max(self.clock.now + (0.0 if ahead > 3600.0 else ahead), self._tick_after)

    def _move_to(self, at: float) -> None:
        self.clock.now = at
        ticks = int((at - self.began) / TICK)
        self.world.advance(ticks - self._ticks)
        self._ticks = max(ticks, self._ticks)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        self._entries += 1
        heapq.heappush(self._agenda, (self.clock.now + seconds, self._entries, act))

    def stir_later(self, seconds: float, server: Server, act: Callable[[Server], None]) -> None:
        def go() -> None:
            act(server)
            self.world.stir()

        self.later(seconds, go)

    def for_a_while(self, what: str, seconds: float, switch: Callable[[bool], None]) -> None:
        self.tell(f"{what}, for {seconds:.1f} s")
        switch(True)

        def end() -> None:
            switch(False)
            self.world.stir()

        self.later(seconds, end)

    def meanwhile(self, seconds: float, *, beats: bool) -> None:
        """This much time passes in the middle of a step; the others go on. `beats`: its lease is kept alive."""
        if self._depth >= DEEPEST:
            self._move_to(self.clock.now + seconds)
            return
        self._depth += 1
        until = self.clock.now + seconds
        owner = self._running[-1]
        try:
            while beats and self.clock.now + LEASE / 3 < until:
                self.go_on(self.clock.now + LEASE / 3)
                self._beat(owner)
            self.go_on(until)
        finally:
            self._depth -= 1

    def _beat(self, owner: str) -> None:
        lease = self._held.get(owner)
        if lease is None or self.is_store_away:
            return
        try:
            self.store.renew(lease)
        except LeaseLost:
            del self._held[owner]

    def _write_a_little(self, odds: float) -> None:
        roll = self.random.random()
        if roll < odds * 0.6:
            write_through_endpoint(self, self.random)
        elif roll < odds:
            write_to_one(self, self.random)

    # workers

    @contextmanager
    def _holding(self, owner: str, lease: Lease) -> Iterator[None]:
        self._held[owner] = lease
        try:
            yield
        finally:
            self._held.pop(owner, None)

    def _free(self) -> list[str]:
        return [owner for owner in self._engines if owner not in self._running]

    def _tick_one(self) -> None:
        free = self._free()
        owner = self.random.choice(free) if free else None
        pause = self._tickers[owner].tick() if owner is not None else 0.5
        self.laws.ticked()
        holds = owner is not None and self._tickers[owner]._holds()
        if owner is None or holds or self.is_store_away or not self.store._state.is_rebuilt:
            self._tick_after = self.clock.now + max(pause, 0.2)

    def _send(self, key: ClusterKey) -> bool:
        """A wake-up through the queue: it may come late, twice or never."""
        if self.loses_wake_ups and self.random.random() < 0.5:
            return False
        self.later(self.random.choice((0.0, 0.002, 0.02)), lambda: self._work(key))
        if self.doubles_wake_ups:
            self.later(self.random.uniform(0.0, 20.0), lambda: self._work(key))
        return True

    def wake(self) -> None:
        self._send(KEY)

    def _work(self, key: ClusterKey) -> None:
        free = self._free()
        if not free:
            self.later(0.5, lambda: self._work(key))
            return
        owner = self.random.choice(free)
        self._running.append(owner)
        self.laws.step_begins(owner)
        try:
            step(self._engines[owner], key)
        except Died:
            self.tell(f"{owner} is dead, and another worker takes its place")
        except StoreUnavailable:
            pass
        finally:
            self._running.remove(owner)

    # borders

    def border(self, owner: str, port: str, name: str, *, is_before: bool) -> None:
        delay = self._delays[port] if is_before else 0.0
        if delay > 0.2:
            self.meanwhile(delay, beats=True)
        else:
            self.clock.now += delay
        struck = None
        for armed in list(self._armed):
            armed[0] -= armed[1].name in ("", name)
            if armed[0] <= 0 and struck is None and owner in self._running:
                struck = armed
        if struck is not None:
            self._armed.remove(struck)
            self.tell(f"in a step of {owner}, {'before' if is_before else 'after'} {port}.{name}:")
            self.fire(struck[1])
        if port == "store" and self.is_store_away:
            raise StoreUnavailable("the connection broke")
        self._write_a_little(0.04)

    def about(self, owner: str, port: str, name: str, args: tuple[Any, ...]) -> None:
        self.laws.about(owner, port, name, args)

    def done(self, owner: str, port: str, name: str, args: tuple[Any, ...]) -> None:
        self.laws.done(owner, port, name, args)

    # what faults and laws need

    def tell(self, what: str) -> None:
        self.story.append(f"{self.clock.now - self.began:9.3f} {what}")

    def expect(self, is_so: bool, what: str) -> None:
        if not is_so:
            raise Violation(what)

    def set_delay(self, port: str, seconds: float) -> None:
        self._delays[port] = seconds or CALL[port]

    def record(self) -> ClusterRecord | None:
        """As `store.cluster` gives it, without its lock: this is asked at every turn."""
        state = self.store._state
        kept = state.clusters.get(KEY)
        return None if kept is None or kept.gone_until is not None else state.shown(kept)

    def cluster(self) -> MemoryCluster | None:
        return next(iter(self.platform.clusters.values()), None)

    def serving(self, cluster: MemoryCluster) -> list[MemoryInstance]:
        return [i for i in cluster.instances.values() if truth.name_of(i, cluster) in cluster.serving]

    def name_of(self, server: Server) -> str:
        cluster = self.cluster()
        there = () if cluster is None else cluster.instances.values()
        return next((f"instance {i.ordinal}" for i in there if i.address == server.address), server.address)

    @property
    def is_store_away(self) -> bool:
        return self.clock.now < self._store_away_until

    def users_come_back(self, server: Server, ticks: int) -> None:
        """Those with a connection of their own to this server write as soon as they can."""

        def come() -> None:
            if self.world.servers.get(server.address) is server:
                write(self, server, self.random)

        if ticks == 0:
            come()
        else:
            self.later((ticks + 1) * TICK, come)

    def refuse_store(self, what: str, seconds: float) -> None:
        self.tell(f"{what}, for {seconds:.1f} s")
        self._store_away_until = max(self._store_away_until, self.clock.now + seconds)
        self.later(seconds, lambda: setattr(self, "_tick_after", 0.0))
        for ticker in self._tickers.values():
            ticker.tick()  # each looks once a second at least, and meets a connection that broke

    def lose_store(self) -> None:
        self.store = self._mutant.store(self.store_clock)
        self.laws.store_lost()

    def copy_store(self) -> MemoryStore:
        other = self._mutant.store(self.store_clock)
        other._state = copy.deepcopy(self.store._state)
        return other

    def restore_store(self, older: MemoryStore) -> None:
        self.store = older
        self.laws.store_restored()

    def kill(self, ordinal: int, *, has_data: bool, moves: bool = False) -> None:
        cluster = self.cluster()
        assert cluster is not None
        with self.laws.by_the_platform():
            self.platform.kill_of(cluster, ordinal, has_data=has_data, moves=moves)

    # told by the platform

    def started(self, address: str, uuid: str, credentials: Credentials) -> None:
        self.laws.came(uuid)
        self.servers.started(address, uuid, credentials)
        server, cluster = self.world.servers[address], self.cluster()
        server.users.update((LOGIN,))
        if not server.lines and cluster is not None:  # a new one has the login that its cluster was made with
            server.lines = {KEY.user: self.first_lines[cluster.incarnation]}

    def ended(self, address: str, *, has_data: bool) -> None:
        server = self.world.servers.get(address) or self._kept_at(address)
        if server is not None and not has_data:
            self.laws.gone(server)
        self.servers.ended(address, has_data=has_data)
        if server is not None and not has_data:
            self.servers.kept.pop(server.uuid, None)

    def _kept_at(self, address: str) -> Server | None:
        return next((s for s in self.servers.kept.values() if s.address == address), None)
