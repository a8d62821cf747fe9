"""The same commands, chosen at random, on the twin and on Redis: the same answers, to the last number (hazards H20)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from common.cluster import ClusterKey, Durable, MirrorRecord
from common.errors import KantoError
from common.jobs import JobError, JobKind, JobStatus, Progress
from common.store.admission import Knock, Limits, Once, Window
from common.store.port import Event, JobMark, Lease, Outcome, Store, Submission
from common.view import ConflictCount, Conflicts, Reason
from tests.contract.store.bench import RedisBench, TwinBench
from tests.contract.store.requests import VIEW, spec_of
from tests.servers import RedisServer

USERS = ("ann", "johny2")
KEYS = tuple(ClusterKey(user, tag) for user in USERS for tag in ("alfa", "mike"))
JOBS = tuple(f"job-{number}" for number in range(12))
KEEP_JOBS = 1e7
"""Longer than any history here: Redis expires keys by its own clock."""

keys = st.sampled_from(KEYS)
jobs = st.sampled_from(JOBS)
hashes = st.sampled_from(["hash-1", "hash-1", "hash-1", "hash-2"])
durations = st.sampled_from([0.0, 0.001, 0.5, 1.0, 15.0, 30.0, 100.0, 600.0, 3600.0, 3600.001, 5000.0])
durables = st.builds(Durable, leavers=st.sampled_from([(), ("i-1",), ("i-1", "i-2")]), ever_filled=st.booleans())
outcomes = st.builds(
    Outcome,
    due_in=durations,
    memory=st.none() | st.sampled_from(["", "remembered"]),
    durable=st.none() | durables,
    view=st.none() | st.just(VIEW),
    step=st.none() | st.sampled_from(["", "filling"]),
    progress=st.none() | st.just(Progress(1, 2, ("a", "b"))),
    reasons=st.none() | st.sampled_from([(), (Reason("a", "waits for b"),)]),
    progressed=st.booleans(),
    progress_window=durations,
    ended=st.none() | st.sampled_from([JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED]),
    error=st.none() | st.just(JobError("job_failed", "a", "b")),
    gone=st.booleans(),
    gone_for=durations,
    seals=st.sampled_from([False, False, False, True]),
    conflicts=st.none() | st.just(Conflicts(2.5, "i-1", (ConflictCount("test", 3, is_complete=True),))),
)


def without_id(event: Event) -> Event:
    """Redis numbers events by its own clock."""
    return replace(event, id="")


class TwoStores(RuleBasedStateMachine):
    """Runs each command on both, and compares."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__()
        self.twin = TwinBench(keep_jobs=KEEP_JOBS)
        self.redis = RedisBench(server, keep_jobs=KEEP_JOBS)
        self.leases: list[Lease] = []
        self.marks = (self.twin.store.newest_event(), self.redis.store.newest_event())
        self.incarnations = 0

    def teardown(self) -> None:
        self.redis.close()

    def both(self, command: Callable[[Store], Any]) -> Any:
        def answer(store: Store) -> Any:
            try:
                return command(store)
            except KantoError as error:
                return (type(error), error.code, error.message)

        mine, theirs = answer(self.twin.store), answer(self.redis.store)
        assert mine == theirs
        return mine

    @rule(seconds=durations)
    def elapse(self, seconds: float) -> None:
        self.twin.elapse(seconds)
        self.redis.elapse(seconds)

    @rule(key=keys, job=jobs, owner_hash=hashes, deadline=durations, progress=durations, restored=st.booleans())
    def create(
        self, key: ClusterKey, job: str, owner_hash: str, deadline: float, progress: float, *, restored: bool
    ) -> None:
        self.incarnations += 1
        spec = spec_of(key, incarnation=str(self.incarnations), has_own_password=self.incarnations % 3 == 0)
        restore = spec if restored else None
        undo = replace(spec, deleted=True)
        submission = Submission(job, JobKind.CREATE, spec, owner_hash, None, deadline, progress, "r", restore, undo)
        self.both(lambda store: store.submit(submission))

    @rule(
        key=keys,
        job=jobs,
        kind=st.sampled_from([JobKind.SCALE, JobKind.REPLICATE, JobKind.DELETE]),
        replicas=st.integers(1, 5),
        behind=st.sampled_from([0, 0, 0, 1]),
        deadline=durations,
    )
    def change(self, key: ClusterKey, job: str, kind: JobKind, *, replicas: int, behind: int, deadline: float) -> None:
        record = self.both(lambda store: store.cluster(key))
        former = spec_of(key) if record is None else record.spec
        version = 0 if record is None else record.version - behind
        spec = replace(former, replicas=replicas, deleted=kind is JobKind.DELETE or former.deleted)
        restore = former if kind is JobKind.SCALE and replicas < former.replicas else None
        undo = former if replicas != 5 else None
        submission = Submission(job, kind, spec, "hash-1", version, deadline, 600.0, "r", restore, undo)
        self.both(lambda store: store.submit(submission))

    @rule(
        key=keys,
        job=jobs,
        kind=st.sampled_from([JobKind.CREATE, JobKind.SCALE, JobKind.DELETE]),
        name=st.none() | st.sampled_from(["key-1", "key-2"]),
        most=st.builds(
            Limits,
            clusters=st.none() | st.integers(0, 3),
            instances=st.none() | st.integers(0, 9),
            jobs=st.none() | st.integers(0, 3),
        ),
        replicas=st.integers(1, 5),
    )
    def ask(self, key: ClusterKey, job: str, kind: JobKind, *, name: str | None, most: Limits, replicas: int) -> None:
        record = self.both(lambda store: store.cluster(key))
        former = spec_of(key, incarnation=f"asked-{job}") if record is None or kind is JobKind.CREATE else record.spec
        spec = replace(former, replicas=replicas, deleted=kind is JobKind.DELETE)
        version = None if kind is JobKind.CREATE or record is None else record.version
        once = None if name is None else Once(name, "salt", f"mark of {kind}")
        submission = Submission(job, kind, spec, "hash-1", version, 600.0, 600.0, limits=most, once=once)
        self.both(lambda store: store.submit(submission))

    @rule(key=keys)
    def look_at_steps(self, key: ClusterKey) -> None:
        self.both(lambda store: store.steps(key))

    @rule(user=st.sampled_from(USERS), name=st.sampled_from(["key-1", "key-2"]))
    def look_at_a_key(self, user: str, name: str) -> None:
        self.both(lambda store: store.remembered(user, name))

    @rule(user=st.sampled_from(USERS), proved=st.none() | hashes, most=st.integers(0, 5), is_refused=st.booleans())
    def knock(self, user: str, proved: str | None, most: int, *, is_refused: bool) -> None:
        callers = (Window("caller", most + 2, 60), Window("caller", most + 4, 3600))
        refusals = (Window(f"refused {user}", 2, 60),)
        self.both(lambda store: store.admit(Knock(user, proved, callers, (Window(user, most, 60),), refusals)))
        if is_refused:
            self.both(lambda store: store.hit(refusals))

    @rule(user=st.sampled_from(USERS), owner_hash=hashes, how=st.sampled_from(["add", "token", "off", "on", "remove"]))
    def operate(self, user: str, owner_hash: str, how: str) -> None:
        match how:
            case "add":
                self.both(lambda store: store.add_user(user, owner_hash))
            case "token":
                self.both(lambda store: store.give_token(user, owner_hash, f"line of {owner_hash}"))
            case "remove":
                self.both(lambda store: store.remove_user(user))
            case _:
                self.both(lambda store: store.disable_user(user, disabled=how == "off"))
        self.both(lambda store: store.users())

    @rule(user=st.sampled_from(USERS), job=jobs)
    def cancel(self, user: str, job: str) -> None:
        self.both(lambda store: store.cancel(user, job))

    @rule(key=keys, ttl=durations)
    def acquire(self, key: ClusterKey, ttl: float) -> None:
        lease = self.both(lambda store: store.acquire(key, "worker-1", ttl=ttl))
        if lease is not None:
            self.leases.append(lease)

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), outcome=outcomes, command=st.sampled_from(["save", "release", "release", "check", "renew"]))
    def use(self, data: st.DataObject, outcome: Outcome, command: str) -> None:
        lease = data.draw(st.sampled_from(self.leases[-3:]))
        match command:
            case "save":
                self.both(lambda store: store.save(lease, outcome))
            case "release":
                self.both(lambda store: store.release(lease, outcome))
            case "check":
                self.both(lambda store: store.check(lease))
            case "renew":
                self.both(lambda store: store.renew(lease))

    @rule(worker=st.sampled_from(["worker-1", "worker-2"]), limit=st.integers(0, 5), lease=durations)
    def claim(self, worker: str, limit: int, lease: float) -> None:
        self.both(lambda store: store.claim(worker, limit=limit, lease=lease))

    @rule(key=keys, due_in=durations, count_within=st.sampled_from([0.0, 0.0, 0.001, 15.0]))
    def wake(self, key: ClusterKey, due_in: float, count_within: float) -> None:
        self.both(lambda store: store.wake(key, due_in, count_within=count_within))

    @rule(
        key=keys,
        ahead=st.sampled_from([-1, 0, 0, 5]),
        fence=st.sampled_from([-5, 0, 7]),
        durable=durables,
        changed=st.booleans(),
    )
    def rebuild(self, key: ClusterKey, ahead: int, fence: int, durable: Durable, *, changed: bool) -> None:
        record = self.both(lambda store: store.cluster(key))
        spec = spec_of(key, incarnation="mirrored") if record is None else record.spec
        version = (1000 if record is None else record.version) + ahead
        spec = replace(spec, replicas=9) if changed else spec
        owner_hash = "hash-1" if record is None else record.owner_hash
        numbers = [lease.fence for lease in self.leases] or [version]
        is_off = fence > 0 if record is None else record.is_disabled
        mirror = MirrorRecord(spec, version, owner_hash, durable, max(numbers) + fence, is_disabled=is_off)
        self.both(lambda store: store.rebuild([mirror]))

    @rule(job=jobs)
    def look_at_a_job(self, job: str) -> None:
        self.both(lambda store: store.job(job))

    @rule(job=jobs, after=st.integers(0, 4))
    def listen_to_a_job(self, job: str, after: int) -> None:
        self.both(lambda store: store.changes(job, after=after))

    @rule(
        user=st.sampled_from(USERS),
        limit=st.integers(0, 3),
        tag=st.none() | st.sampled_from(["alfa", "mike"]),
        statuses=st.sets(st.sampled_from(JobStatus)),
        data=st.data(),
    )
    def page_through_jobs(
        self, user: str, limit: int, *, tag: str | None, statuses: set[JobStatus], data: st.DataObject
    ) -> None:
        known = self.both(lambda store: store.jobs(user))
        marks = [JobMark(job.created_at, job.id) for job in known]
        after = data.draw(st.none() | st.sampled_from(marks)) if marks else None
        self.both(lambda store: store.jobs(user, limit=limit, after=after, tag=tag, statuses=statuses))

    @rule(user=st.sampled_from(USERS), limit=st.integers(0, 20))
    def look_at_a_user(self, user: str, limit: int) -> None:
        self.both(lambda store: store.owner_hash(user))
        self.both(lambda store: store.clusters(user))
        self.both(lambda store: store.jobs(user, limit=limit))

    @rule()
    def look_at_workers(self) -> None:
        self.both(lambda store: store.workers())

    @invariant()
    def the_records_are_the_same(self) -> None:
        for key in KEYS:
            self.both(lambda store, key=key: store.cluster(key))  # type: ignore[misc]
        self.both(lambda store: store.is_rebuilt())

    @invariant()
    def the_events_are_the_same(self) -> None:
        mine = self.twin.store.events(self.marks[0], block=0.0)
        theirs = self.redis.store.events(self.marks[1], block=0.0)
        assert list(map(without_id, mine)) == list(map(without_id, theirs))
        if mine:
            self.marks = (mine[-1].id, theirs[-1].id)


class TwoStoresInUse(TwoStores):
    """Most of what there is to compare comes after the first rebuild."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(server)
        self.both(lambda store: store.rebuild(()))


def run(machine: type[TwoStores], server: RedisServer, *, examples: int, steps: int) -> None:
    class OnServer(machine):  # type: ignore[valid-type,misc]
        def __init__(self) -> None:
            super().__init__(server)

    run_state_machine_as_test(
        OnServer,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_both_give_the_same_answers_from_the_first_start_on(shared_redis: RedisServer) -> None:
    run(TwoStores, shared_redis, examples=20, steps=25)


def test_both_give_the_same_answers_in_use(shared_redis: RedisServer) -> None:
    run(TwoStoresInUse, shared_redis, examples=100, steps=50)
