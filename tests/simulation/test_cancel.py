"""A job is canceled at any moment: the cluster is as it was before, with every write, or the cancel is refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from api import specs
from api.fields import Databases
from common.change import Change, deletion
from common.jobs import JobKind, JobStatus
from common.store.port import Lease, Outcome, Refusal
from common.view import InstanceState
from tests.simulation.engine import Kanto
from tests.simulation.test_engine import KEY, SPEC, documents, made
from tests.twins.store.store import MemoryStore

USER = KEY.user


def submitted(kanto: Kanto, change: Change) -> str:
    return kanto.submit(change.kind, change.spec, restore=change.restore, undo=change.undo)


def scale(kanto: Kanto, replicas: int) -> str:
    found = kanto.store.cluster(KEY)
    assert found is not None
    return submitted(kanto, specs.scaling(found.spec, replicas=replicas, force=False))


def cancel(kanto: Kanto, job_id: str) -> None:
    assert kanto.store.cancel(USER, job_id).refusal is None
    assert kanto.job(job_id).status is JobStatus.CANCELED


def write_everywhere(kanto: Kanto, prefix: str) -> set[str]:
    """One document on each instance that takes it: the names of those that were acknowledged."""
    servers = list(kanto.world.servers.values())
    return {f"{prefix}{n}" for n, server in enumerate(servers) if server.write("test", f"{prefix}{n}") is not None}


def states(kanto: Kanto) -> list[InstanceState]:
    return [instance.state for instance in kanto.view(KEY).instances]


def is_whole(kanto: Kanto, replicas: int) -> bool:
    view = kanto.view(KEY)
    return view.status == "ready" and states(kanto) == ["serving"] * replicas


def assert_whole(kanto: Kanto, replicas: int, written: set[str]) -> None:
    kanto.until(f"{replicas} that serve", lambda: is_whole(kanto, replicas), seconds=300.0)
    servers = list(kanto.world.servers.values())
    assert len(servers) == replicas
    assert all(server.walls is None and not server.is_closed for server in servers), "somebody is fenced still"
    after = write_everywhere(kanto, "after")
    assert len(after) == replicas
    kanto.until("every write everywhere", lambda: all(documents(server) >= written | after for server in servers))


PHASES: dict[str, Callable[[Kanto], bool]] = {
    "nothing was done yet": lambda _: True,
    "withdrawn": lambda kanto: "withdrawn" in states(kanto),
    "half fenced": lambda kanto: any(server.walls for server in kanto.world.servers.values()),
    "fenced": lambda kanto: states(kanto).count("fenced") == 2,
    "half proved": lambda kanto: any(
        "databases proved" in line for line in kanto.store.jobs(USER)[0].progress.instances
    ),
    "one has left": lambda kanto: len(kanto.world.servers) == 3,
}
"""When the last one leaves the job is done: that border is met by the tests that cancel within a step."""


@pytest.mark.parametrize("phase", PHASES)
def test_a_scale_down_is_undone_in_every_phase(phase: str) -> None:
    kanto = made(4)
    kanto.world.page = 1000 if phase == "one has left" else 2
    servers = [kanto.server(KEY, ordinal) for ordinal in range(4)]
    written = {f"leaver{n}" for n in range(12) if servers[3].write("test", f"leaver{n}")}
    if phase == "one has left":
        for server in (servers[0], servers[1], servers[3]):
            server.create("unsaved")
            server.databases["unsaved"].refuses.add("stubborn")
        assert servers[3].write("unsaved", "stubborn"), "the last one cannot be drained"
    job = scale(kanto, 2)
    rounds = iter(range(10_000))

    def is_there() -> bool:
        nonlocal written
        written |= write_everywhere(kanto, f"during{next(rounds)}-")
        return PHASES[phase](kanto)

    kanto.until(phase, is_there, seconds=300.0)
    assert not kanto.job(job).status.is_ended
    cancel(kanto, job)
    assert_whole(kanto, 4, written)
    assert kanto.job(job).status is JobStatus.CANCELED


@pytest.mark.parametrize("ticks", range(16))
def test_a_scale_up_is_undone_by_a_drain(ticks: int) -> None:
    kanto = made(2)
    kanto.world.batch = 1
    written = {f"doc{n}" for n in range(20) if kanto.server(KEY, 0).write("test", f"doc{n}")}
    job = scale(kanto, 4)
    for tick in range(ticks):
        kanto.tick()
        written |= write_everywhere(kanto, f"during{tick}-")
    cancel(kanto, job)
    assert_whole(kanto, 2, written)


def begin_create(kanto: Kanto) -> str:
    return kanto.submit(JobKind.CREATE, SPEC, undo=replace(SPEC, deleted=True))


def assert_nothing_is_left(kanto: Kanto) -> None:
    kanto.until("the end of the cluster", lambda: kanto.store.cluster(KEY) is None)
    assert not kanto.world.servers
    assert not kanto.platform.clusters


def test_nothing_comes_of_a_create_that_is_canceled_at_once() -> None:
    kanto = Kanto()
    cancel(kanto, begin_create(kanto))
    assert_nothing_is_left(kanto)


def test_nothing_is_left_of_a_create_that_hangs_and_is_canceled() -> None:
    kanto = Kanto()
    kanto.platform.faults.why_not_starting = "ImagePullBackOff"
    job = begin_create(kanto)
    for _ in range(100):
        kanto.tick()
    cancel(kanto, job)
    assert_nothing_is_left(kanto)


def test_a_canceled_replicate_gives_the_saved_list_of_before_and_takes_no_database() -> None:
    kanto = made(3)
    kanto.world.batch = 1
    server = kanto.server(KEY, 0)
    server.create("orders")
    assert all(server.write("orders", f"o{n}") for n in range(10))
    found = kanto.store.cluster(KEY)
    assert found is not None
    job = submitted(kanto, specs.replication(found.spec, Databases(("orders",))))
    kanto.until(
        "a link", lambda: any("orders" in doc_id for s in kanto.world.servers.values() for doc_id in s.documents)
    )
    cancel(kanto, job)
    kanto.until("ready", lambda: is_whole(kanto, 3))
    for one in kanto.world.servers.values():
        assert not [doc_id for doc_id in one.documents if "orders" in doc_id]
    assert len(server.databases["orders"].revisions) == 10
    assert kanto.view(KEY).databases == ("_users", "test")


class Meddled(MemoryStore):
    """Calls `act` once, right after the `at`-th command of a step: the worst moment, since the step goes on by it."""

    def __init__(self, kanto: Kanto, at: int, act: Callable[[], None]) -> None:
        super().__init__(kanto.clock)
        self._state = kanto.store._state
        self._at = at
        self._act = act
        kanto.store = self
        kanto.workers = [replace(engine, store=self) for engine in kanto.workers]

    def _count(self) -> None:
        self._at -= 1
        if self._at == 0:
            self._act()

    def check(self, lease: Lease) -> None:
        super().check(lease)
        self._count()

    def save(self, lease: Lease, outcome: Outcome) -> None:
        super().save(lease, outcome)
        self._count()

    def release(self, lease: Lease, outcome: Outcome) -> None:
        super().release(lease, outcome)
        self._count()


@pytest.mark.parametrize("at", range(1, 20))
def test_a_create_is_canceled_whole_or_not_at_all(at: int) -> None:
    kanto = Kanto()
    answers: list[Refusal | None] = []
    Meddled(kanto, at, lambda: answers.append(kanto.store.cancel(USER, job).refusal))
    job = begin_create(kanto)
    kanto.until("the end", lambda: kanto.job(job).status.is_ended)
    if answers == [None]:
        assert_nothing_is_left(kanto)
    else:
        assert_whole(kanto, 3, set())


@pytest.mark.parametrize("at", range(1, 9))
def test_a_delete_is_canceled_whole_or_not_at_all(at: int) -> None:
    kanto = made(3)
    written = write_everywhere(kanto, "before")
    found = kanto.store.cluster(KEY)
    assert found is not None
    answers: list[Refusal | None] = []
    Meddled(kanto, at, lambda: answers.append(kanto.store.cancel(USER, job).refusal))
    job = submitted(kanto, deletion(found.spec, force=False))
    kanto.until("the end", lambda: kanto.job(job).status.is_ended)
    if answers == [None]:
        assert_whole(kanto, 3, written)
        return
    assert answers in ([], [Refusal.SEALED], [Refusal.ENDED])
    assert kanto.job(job).status is JobStatus.SUCCEEDED
    assert not kanto.world.servers


def test_a_delete_can_be_canceled_before_a_worker_begins_and_not_once_one_has() -> None:
    """The two ends of the law above, so that it does not hold for want of either."""
    outcomes = set()
    for at in range(1, 9):
        kanto = made(2)
        found = kanto.store.cluster(KEY)
        assert found is not None
        answers: list[Refusal | None] = []
        job = submitted(kanto, deletion(found.spec, force=False))
        Meddled(kanto, at, lambda: answers.append(kanto.store.cancel(USER, job).refusal))  # noqa: B023
        kanto.until("the end", lambda: kanto.job(job).status.is_ended)  # noqa: B023
        outcomes |= set(answers)
    assert Refusal.SEALED in outcomes
    kanto = made(2)
    found = kanto.store.cluster(KEY)
    assert found is not None
    cancel(kanto, submitted(kanto, deletion(found.spec, force=False)))
    kanto.until("ready", lambda: is_whole(kanto, 2))


@pytest.mark.parametrize("at", range(1, 60, 2))
def test_a_scale_down_that_is_canceled_within_a_step_loses_nothing(at: int) -> None:
    kanto = made(4)
    written = write_everywhere(kanto, "before")
    answers: list[Refusal | None] = []
    Meddled(kanto, at, lambda: answers.append(kanto.store.cancel(USER, job).refusal))
    job = scale(kanto, 2)
    kanto.until("the end", lambda: kanto.job(job).status.is_ended)
    if answers == [None]:
        assert_whole(kanto, 4, written)
    else:
        assert kanto.job(job).status is JobStatus.SUCCEEDED
        assert_whole(kanto, 2, written)


def test_an_instance_that_never_came_goes_with_the_word_of_its_user() -> None:
    """Nothing can be proved of what never answered, so a canceled scale-up waits for it; `force=1` lets it go."""
    kanto = made(2)
    written = write_everywhere(kanto, "before")
    kanto.platform.faults.why_not_starting = "ImagePullBackOff"
    job = scale(kanto, 3)
    for _ in range(200):
        kanto.tick()
    cancel(kanto, job)
    for _ in range(200):
        kanto.tick()
    assert kanto.view(KEY).status == "scaling"
    assert any("ImagePullBackOff" in reason.text for reason in kanto.view(KEY).reasons)
    found = kanto.store.cluster(KEY)
    assert found is not None
    forced = submitted(kanto, specs.scaling(found.spec, replicas=2, force=True))
    assert kanto.finish(forced, seconds=300.0).status is JobStatus.SUCCEEDED
    assert_whole(kanto, 2, written)
