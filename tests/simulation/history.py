"""One history from one seed: users, writers, faults and workers in a random order, and what must always be true."""

from dataclasses import dataclass, field, replace
from random import Random

from common.cluster import ClusterKey, ClusterSpec
from common.errors import KantoError
from common.jobs import JobKind
from common.store.memory import MemoryStore
from common.store.port import ClusterRecord, Refusal, Submission
from tests.simulation.chaos import Broken, Died, Fate
from tests.simulation.engine import LEASE, TICK, Kanto
from worker.core.observed import Platformed, Unknown
from worker.couch.simulated import Server
from worker.step import step

KEY = ClusterKey("johny2", "my-test-db1")
DATABASE = "test"
STEPS = 60
CALM = 900.0
"""Virtual seconds in which everything must settle once the faults have stopped."""


@dataclass
class Ledger:
    """What users were promised. `destroyed`: what a fault of the platform took before it was anywhere else."""

    acknowledged: set[str] = field(default_factory=set)
    destroyed: set[str] = field(default_factory=set)
    jobs: list[str] = field(default_factory=list)
    written: int = 0


class History:
    """`run` plays it; an AssertionError tells what was broken, `story` what led to it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.kanto = Kanto()
        self.fate = Fate(self.random, pause=self._others_go_on)
        self.ledger = Ledger()
        self.story: list[str] = []
        self.incarnations = 0
        self.is_inside = False
        self.calm_at = 0.0
        self.moments = 0
        self._break_ports()

    def _break_ports(self) -> None:
        self.kanto.workers = [
            replace(
                engine,
                store=Broken(self.kanto.store, self.fate, is_store=True),
                platform=Broken(self.kanto.platform, self.fate),
                couch=Broken(engine.couch._port if isinstance(engine.couch, Broken) else engine.couch, self.fate),
            )
            for engine in self.kanto.workers
        ]

    # the play

    def run(self) -> None:
        self._create(self.random.randint(1, 5))
        for _ in range(self.random.randint(0, 40)):
            self._tick()
        for _ in range(STEPS):
            self.random.choice(EVENTS)(self)
            for _ in range(self.random.choice((0, 1, 3, 10, 40))):
                self._tick()
        self._calm()
        self._check_end()

    def _tell(self, what: str) -> None:
        self.story.append(f"{self.kanto.clock.now - 1_000_000:8.2f} {what}")

    def _tick(self) -> None:
        """A moment: the servers move, and one worker does what it claims, if it lives through it."""
        kanto = self.kanto
        kanto.clock.now += TICK
        kanto.world.tick()
        self._work(self.random.choice(kanto.workers).owner)
        self._write()
        self._check_always()

    def _work(self, owner: str) -> None:
        engine = next(e for e in self.kanto.workers if e.owner == owner)
        for key in self.kanto.store.claim(owner, limit=8, lease=LEASE).keys:
            try:
                step(engine, key)
            except Died:
                self._tell(f"{owner} died in a step")
            except KantoError as error:
                self._tell(f"{owner}: {error}")

    def _others_go_on(self) -> None:
        """A worker stops in the middle of a call for longer than its lease, and then goes on as if nothing had been."""
        if self.is_inside:
            return
        self.is_inside = True
        self._tell("a worker pauses")
        before = (self.fate.deaths, self.fate.refusals, self.fate.pauses)
        self.fate.quiet()
        self.kanto.clock.now += LEASE + 1
        for _ in range(self.random.randint(1, 60)):
            self._tick()
        self.fate.deaths, self.fate.refusals, self.fate.pauses = before
        self._tell("the paused worker goes on")
        self.is_inside = False

    # what users do

    def _record(self) -> ClusterRecord | None:
        return self.kanto.store.cluster(KEY)

    def _submit(self, kind: JobKind, spec: ClusterSpec, restore: ClusterSpec | None = None) -> None:
        found = self._record()
        self.ledger.written += 1
        submission = Submission(
            job_id=f"job-{self.ledger.written}",
            kind=kind,
            spec=spec,
            owner_hash="$argon2id$",
            expected_version=None if kind is JobKind.CREATE or found is None else found.version,
            deadline=3600.0,
            progress_deadline=600.0,
            restore=restore,
        )
        answer = self.kanto.store.submit(submission)
        self._tell(f"{kind} replicas={spec.replicas} {spec.databases}: {answer.refusal or 'accepted'}")
        if answer.refusal is None:
            self.ledger.jobs.append(submission.job_id)
        else:
            assert answer.refusal in (Refusal.BUSY, Refusal.EXISTS, Refusal.MISSING)

    def _create(self, replicas: int) -> None:
        self.incarnations += 1
        spec = ClusterSpec(
            user=KEY.user,
            tag=KEY.tag,
            incarnation=f"i{self.incarnations}",
            replicas=replicas,
            databases=("_users", DATABASE),
            admin_name=KEY.user,
            admin_line="-pbkdf2:sha256-00,aa,1",
        )
        self._submit(JobKind.CREATE, spec)

    def scale(self) -> None:
        found = self._record()
        if found is None:
            return
        replicas = self.random.randint(1, 6)
        shrinks = replicas < found.spec.replicas
        self._submit(JobKind.SCALE, replace(found.spec, replicas=replicas), restore=found.spec if shrinks else None)

    def replicate(self) -> None:
        found = self._record()
        if found is not None:
            more = {*found.spec.databases, f"more{self.random.randint(0, 2)}"}
            self._submit(JobKind.REPLICATE, replace(found.spec, databases=tuple(sorted(more))))

    def delete_and_create(self) -> None:
        found = self._record()
        if found is None or self.random.random() < 0.7:
            return
        self._submit(JobKind.DELETE, replace(found.spec, deleted=True))
        self.ledger.acknowledged.clear()
        for _ in range(int(60 / TICK)):
            if self._record() is None:
                break
            self._tick()
        if self._record() is None:
            self.ledger.acknowledged.clear()
            self._create(self.random.randint(1, 4))

    def _write(self) -> None:
        """One write through the endpoint or, now and then, over a connection that was open to any instance before."""
        seen = self._seen()
        found = self._record()
        if seen is None or found is None or found.spec.deleted or self.is_inside:
            return
        open_to = [i for i in seen.instances if i.serving or self.random.random() < 0.1]
        if not open_to:
            return
        server = self.kanto.world.servers.get(self.random.choice(open_to).address)
        if server is None or server.fault != "none" or DATABASE not in server.databases:
            return
        self.ledger.written += 1
        doc_id = f"doc-{self.ledger.written}"
        if server.write(DATABASE, doc_id) is not None:
            self.ledger.acknowledged.add(doc_id)

    # what befalls

    def kill(self) -> None:
        self._kill(has_data=True)

    def destroy(self) -> None:
        """A volume is lost. What was on no other instance is destroyed by the platform, not by kanto."""
        if self.random.random() < 0.3:
            self._kill(has_data=False)

    def _kill(self, *, has_data: bool) -> None:
        cluster = next(iter(self.kanto.platform.clusters.values()), None)
        record = self._record()
        if cluster is None or record is None or not cluster.instances:
            return
        ordinal = self.random.choice(sorted(cluster.instances))
        address = cluster.instances[ordinal].address
        if not has_data:
            if len(cluster.instances) < 2:
                return
            others = [s for a, s in self._servers().items() if a != address]
            mine = self._servers().get(address)
            if mine is None:
                return
            self.ledger.destroyed |= {d for d in documents(mine) if not any(d in documents(o) for o in others)}
        self._tell(f"instance {ordinal} dies{'' if has_data else ' and its data with it'}")
        self.kanto.platform.kill(record.spec, ordinal, has_data=has_data)

    def _servers(self) -> dict[str, Server]:
        """All data there is: of servers that run and of those that are down."""
        kept = self.kanto.kept_servers()
        return {**{server.uuid: server for server in kept}, **self.kanto.world.servers}

    def mute(self) -> None:
        self._fault("mute")

    def silence(self) -> None:
        self._fault("down")

    def _fault(self, fault: str) -> None:
        servers = [s for s in self.kanto.world.servers.values() if s.fault == "none"]
        if servers:
            server = self.random.choice(servers)
            self._tell(f"{server.address} is {fault}")
            server.fault = fault  # type: ignore[assignment]

    def recover(self) -> None:
        for server in self.kanto.world.servers.values():
            if server.fault != "none":
                self._tell(f"{server.address} is back")
                server.start()

    def delete_replications(self) -> None:
        servers = list(self.kanto.world.servers.values())
        if servers:
            server = self.random.choice(servers)
            self._tell(f"a user deletes all replications of {server.address}")
            server.documents.clear()

    def platform_fault(self) -> None:
        faults = self.kanto.platform.faults
        kind = self.random.choice(("away", "deaf", "breaks", "none", "none"))
        self._tell(f"platform: {kind}")
        faults.is_away, faults.is_deaf = kind == "away", kind == "deaf"
        faults.breaks_after = self.random.randint(0, 5) if kind == "breaks" else None

    def worker_fault(self) -> None:
        kind = self.random.choice(("deaths", "refusals", "pauses", "none", "none"))
        self._tell(f"workers: {kind}")
        self.fate.quiet()
        if kind != "none":
            setattr(self.fate, kind, 0.03)

    def lose_store(self) -> None:
        if self.random.random() > 0.2 or self.is_inside:
            return
        found = self.kanto.platform.records()
        if isinstance(found, Unknown):
            return
        self._tell("Redis is lost with its data, and rebuilt from the platform")
        self.kanto.store = MemoryStore(self.kanto.clock)
        self.kanto.store.rebuild(found)
        self.ledger.jobs.clear()
        self._break_ports()

    def time_passes(self) -> None:
        for _ in range(int(self.random.choice((5.0, 70.0)) / TICK)):
            self._tick()

    # what must be true

    def _seen(self) -> Platformed | None:
        record = self._record()
        if record is None:
            return None
        away = self.kanto.platform.faults.is_away
        self.kanto.platform.faults.is_away = False
        seen = self.kanto.platform.observe(record.spec)
        self.kanto.platform.faults.is_away = away
        return seen if isinstance(seen, Platformed) else None

    def _check_always(self) -> None:
        """No acknowledged write is without a home, unless the platform destroyed it."""
        self.moments += 1
        if self.moments % 10:
            return
        record = self._record()
        if record is None or record.spec.deleted:
            return
        there: set[str] = set()
        for server in self._servers().values():
            there |= documents(server)
        lost = self.ledger.acknowledged - self.ledger.destroyed - there
        assert not lost, f"{len(lost)} acknowledged writes are nowhere: {sorted(lost)[:5]}"

    def _calm(self) -> None:
        self._tell("the faults stop")
        self.fate.quiet()
        faults = self.kanto.platform.faults
        faults.is_away = faults.is_deaf = False
        faults.breaks_after = None
        for server in self.kanto.world.servers.values():
            if server.fault != "none":
                server.start()
        self.calm_at = self.kanto.clock.now
        end = self.calm_at + CALM
        while self.kanto.clock.now < end and not self._is_settled():
            self._tick()

    def _is_settled(self) -> bool:
        record = self._record()
        if record is None:
            return not self.kanto.platform.clusters  # what comes late is removed once more (hazards H18)
        if record.job is not None or record.view is None:
            return False
        is_well = record.view.status == "ready" or {r.code for r in record.view.reasons} == {"data_lost"}
        return is_well and record.view.version == record.version and record.view.observed_at > self.calm_at

    def _check_end(self) -> None:
        record = self._record()
        for job_id in self.ledger.jobs:
            job = self.kanto.store.job(job_id)
            assert job is None or job.status.is_ended, f"{job_id} has not ended: {job}"
        if record is None:
            assert not self.kanto.platform.clusters, "something of a deleted cluster is left"
            return
        assert self._is_settled(), f"not settled: {record.view}"
        seen = self._seen()
        assert seen is not None
        assert len(seen.instances) == record.spec.replicas
        assert all(instance.serving for instance in seen.instances)
        for _ in range(200):  # the last writes go round the ring
            self.kanto.clock.now += TICK
            self.kanto.world.tick()
        needed = self.ledger.acknowledged - self.ledger.destroyed
        for instance in seen.instances:
            lost = needed - documents(self.kanto.world.servers[instance.address])
            assert not lost, f"{instance.name} lacks {len(lost)} acknowledged writes: {sorted(lost)[:5]}"


def documents(server: Server) -> set[str]:
    database = server.databases.get(DATABASE)
    return set() if database is None else {revision.doc_id for revision in database.revisions}


EVENTS = (
    History.scale,
    History.scale,
    History.replicate,
    History.delete_and_create,
    History.kill,
    History.destroy,
    History.mute,
    History.silence,
    History.recover,
    History.recover,
    History.delete_replications,
    History.platform_fault,
    History.worker_fault,
    History.worker_fault,
    History.lose_store,
    History.time_passes,
)
