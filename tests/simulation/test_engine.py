"""Steps over all ports in memory: whole jobs, workers that die in the middle, a store that is lost."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from common.cluster import ClusterSpec
from common.codec import decode
from common.errors import TemporaryError
from common.jobs import JobKind, JobStatus
from tests.simulation.engine import LEASE, Kanto
from tests.twins.couch.adapter import MemoryCouch
from tests.twins.couch.world import Fault, Server
from tests.twins.store.store import MemoryStore
from worker.core.memory import Memory
from worker.core.observed import Drained, Instance, Proof
from worker.ports import Credentials
from worker.step import step

SPEC = ClusterSpec(
    user="johny2",
    tag="my-test-db1",
    incarnation="first",
    replicas=3,
    databases=("_users", "test"),
    admin_name="johny2",
    admin_line="-pbkdf2:sha256-00,aa,1",
)
KEY = SPEC.key


def made(replicas: int = 3, *, workers: int = 2) -> Kanto:
    kanto = Kanto(workers=workers)
    job = kanto.finish(kanto.submit(JobKind.CREATE, replace(SPEC, replicas=replicas)))
    assert job.status is JobStatus.SUCCEEDED, job
    return kanto


def scale(kanto: Kanto, replicas: int, *, force: bool = False) -> str:
    found = kanto.store.cluster(KEY)
    assert found is not None
    shrinks = replicas < found.spec.replicas
    return kanto.submit(
        JobKind.SCALE, replace(found.spec, replicas=replicas, force=force), restore=found.spec if shrinks else None
    )


def documents(server: Server) -> set[str]:
    return {revision.doc_id for revision in server.databases["test"].revisions}


def test_a_cluster_is_made_and_the_job_carries_its_view() -> None:
    kanto = Kanto()
    job = kanto.finish(kanto.submit(JobKind.CREATE, SPEC))
    assert job.status is JobStatus.SUCCEEDED
    assert job.result is not None
    assert job.result.status == "ready"
    assert [instance.state for instance in job.result.instances] == ["serving"] * 3
    assert {r.state for link in job.result.links for r in link.replications} == {"running"}


def test_what_was_written_on_an_instance_that_leaves_is_on_every_survivor() -> None:
    kanto = made(5)
    leaver = kanto.server(KEY, 4)
    ids = {f"doc{n}" for n in range(30)}
    assert all(leaver.write("test", doc_id) for doc_id in sorted(ids))
    leaver.create("unsaved")
    assert leaver.write("unsaved", "precious")
    job = kanto.finish(scale(kanto, 2))
    assert job.status is JobStatus.SUCCEEDED, job
    survivors = list(kanto.world.servers.values())
    assert len(survivors) == 2
    assert all(documents(server) == ids for server in survivors)
    assert all("unsaved" in server.databases for server in survivors)


def test_a_new_instance_has_everything_before_it_serves() -> None:
    kanto = made(2)
    ids = {f"doc{n}" for n in range(50)}
    assert all(kanto.server(KEY, 0).write("test", doc_id) for doc_id in sorted(ids))
    kanto.world.batch = 3
    job = scale(kanto, 4)
    old = {server.uuid for server in kanto.world.servers.values()}

    def is_honest() -> bool:
        for instance in kanto.platform.observe(SPEC).instances:  # type: ignore[union-attr]
            server = kanto.world.servers.get(instance.address)
            if instance.serving and server is not None and server.uuid not in old:
                assert documents(server) == ids, f"{instance.name} serves with {len(documents(server))} of {len(ids)}"
        return kanto.job(job).status.is_ended

    kanto.until("the scale-up", is_honest)
    assert kanto.job(job).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("effects", range(12))
def test_a_platform_that_breaks_off_after_any_effect_delays_a_create_and_no_more(effects: int) -> None:
    kanto = Kanto()
    job = kanto.submit(JobKind.CREATE, SPEC)
    kanto.platform.faults.breaks_after = effects
    for _ in range(40):
        kanto.tick()
    kanto.platform.faults.breaks_after = None
    assert kanto.finish(job).status is JobStatus.SUCCEEDED


def test_a_step_that_failed_tells_its_own_look_and_no_earlier_one() -> None:
    kanto = made(2)
    scale(kanto, 3)
    kanto.clock.now += 1
    kanto.platform.faults.breaks_after = 2  # claimed and mirrored, and then the instance
    began = kanto.clock.now
    step(kanto.workers[0], KEY)
    view = kanto.view(KEY)
    assert view.observed_at == pytest.approx(began, abs=0.1)
    assert view.status == "scaling"


@pytest.mark.parametrize("alive", range(0, 60, 3))
def test_a_worker_that_dies_anywhere_in_a_scale_down_costs_one_lease(alive: int) -> None:
    kanto = made(4)
    ids = {f"doc{n}" for n in range(10)}
    assert all(kanto.server(KEY, 3).write("test", doc_id) for doc_id in sorted(ids))
    job = scale(kanto, 2)
    for _ in range(alive):
        kanto.tick()
    dead = kanto.workers.pop(0)
    kanto.store.acquire(KEY, dead.owner, ttl=LEASE)  # it holds the lease and is never heard of again
    assert kanto.finish(job, seconds=120.0 + LEASE).status is JobStatus.SUCCEEDED
    assert all(documents(server) == ids for server in kanto.world.servers.values())


def test_a_worker_that_comes_back_with_a_lost_lease_changes_nothing() -> None:
    kanto = made(3)
    lease = kanto.store.acquire(KEY, "sleeper", ttl=LEASE)
    assert lease is not None
    kanto.clock.now += LEASE + 1
    job = scale(kanto, 4)
    kanto.finish(job)
    with pytest.raises(Exception, match=r"lease|fenc|claim"):
        kanto.platform.provision(SPEC, (), lease.fence)


def test_an_instance_that_dies_is_whole_again_without_anyone_asking() -> None:
    kanto = made(3)
    kanto.platform.kill(SPEC, 1)
    kanto.until("a look that tells it", lambda: kanto.view(KEY).status != "ready")
    assert kanto.view(KEY).status == "degraded"
    kanto.until("ready again", lambda: kanto.view(KEY).status == "ready")


def test_an_instance_that_lost_its_data_is_filled_before_it_serves_again() -> None:
    kanto = made(3)
    assert kanto.server(KEY, 0).write("test", "doc")
    kanto.until("the ring to carry it", lambda: all("doc" in documents(s) for s in kanto.world.servers.values()))
    kanto.platform.kill(SPEC, 1, has_data=False)
    kanto.until("a look that tells it", lambda: kanto.view(KEY).status != "ready")
    kanto.until("ready again", lambda: kanto.view(KEY).status == "ready")
    assert all("doc" in documents(server) for server in kanto.world.servers.values())


def test_a_lost_store_is_filled_again_from_the_platform_and_goes_on() -> None:
    kanto = made(3)
    found = kanto.platform.records()
    kanto.store = MemoryStore(kanto.clock)
    kanto.store.rebuild(found)  # type: ignore[arg-type]
    kanto.workers = [replace(engine, store=kanto.store) for engine in kanto.workers]
    kanto.until("a fresh look", lambda: (r := kanto.store.cluster(KEY)) is not None and r.view is not None)
    kanto.until("ready", lambda: kanto.view(KEY).status == "ready")
    assert len(kanto.world.servers) == 3


def test_a_delete_supersedes_and_leaves_nothing() -> None:
    kanto = made(4)
    first = scale(kanto, 2)
    for _ in range(20):
        kanto.tick()
    found = kanto.store.cluster(KEY)
    assert found is not None
    last = kanto.submit(JobKind.DELETE, replace(found.spec, deleted=True))
    assert kanto.finish(last).status is JobStatus.SUCCEEDED
    ended = kanto.job(first)
    assert (ended.status, ended.error and ended.error.code) == (JobStatus.CANCELED, "superseded")
    assert kanto.store.cluster(KEY) is None
    assert not kanto.world.servers
    assert not kanto.platform.clusters


def test_a_cluster_made_again_under_the_same_tag_is_not_removed_with_the_old_one() -> None:
    kanto = made(2)
    kanto.finish(kanto.submit(JobKind.DELETE, replace(SPEC, replicas=2, deleted=True)))
    again = kanto.submit(JobKind.CREATE, replace(SPEC, incarnation="second", replicas=2))
    assert kanto.finish(again).status is JobStatus.SUCCEEDED
    for _ in range(int(400 / 0.05)):
        kanto.tick()
    assert kanto.view(KEY).status == "ready"
    assert len(kanto.world.servers) == 2


def test_a_scale_down_that_cannot_be_proved_fails_and_everybody_serves_again() -> None:
    kanto = made(3)
    assert kanto.server(KEY, 2).write("test", "stubborn")
    for ordinal in (0, 1):
        kanto.server(KEY, ordinal).databases["test"].refuses.add("stubborn")
    job = kanto.finish(scale(kanto, 2), seconds=1500.0)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert job.error.code == "deadline"
    kanto.until(
        "all three to serve",
        lambda: [i.state for i in kanto.view(KEY).instances] == ["serving"] * 3,
    )
    assert len(kanto.world.servers) == 3
    assert kanto.server(KEY, 2).write("test", "after") is not None


def test_force_goes_on_without_a_proof_and_the_job_says_so() -> None:
    kanto = made(3)
    assert kanto.server(KEY, 2).write("test", "stubborn")
    for ordinal in (0, 1):
        kanto.server(KEY, ordinal).databases["test"].refuses.add("stubborn")
    job = kanto.finish(scale(kanto, 2, force=True), seconds=300.0)
    assert job.status is JobStatus.SUCCEEDED
    assert "forced" in {reason.code for reason in job.reasons}
    assert len(kanto.world.servers) == 2


@pytest.mark.parametrize("fault", ["down", "mute"])
def test_force_lets_a_leaver_go_that_does_not_answer(fault: Fault) -> None:
    kanto = made(3)
    kanto.server(KEY, 2).fault = fault
    stuck = scale(kanto, 2)
    for _ in range(2000):
        kanto.tick()
    assert not kanto.job(stuck).status.is_ended, "without force it waits"
    found = kanto.store.cluster(KEY)
    assert found is not None
    kanto.clock.now += 600
    kanto.finish(stuck)
    kanto.server(KEY, 2).fault = fault
    job = kanto.finish(scale(kanto, 2, force=True), seconds=300.0)
    assert job.status is JobStatus.SUCCEEDED, job
    assert "forced" in {reason.code for reason in job.reasons}


class SlowCouch(MemoryCouch):
    """Each piece of draining takes as long as it may."""

    def __init__(self, kanto: Kanto) -> None:
        super().__init__(kanto.world)
        self.pieces = 0
        self._clock = kanto.clock

    def drain(
        self, leaver: Instance, target: Instance, proofs: Sequence[Proof], credentials: Credentials, *, seconds: float
    ) -> Drained:
        self.pieces += 1
        self._clock.now += seconds
        return super().drain(leaver, target, proofs, credentials, seconds=seconds)


class OneIsTooSlow(MemoryCouch):
    """No piece of draining to the first of the survivors ever ends in time."""

    def drain(
        self, leaver: Instance, target: Instance, proofs: Sequence[Proof], credentials: Credentials, *, seconds: float
    ) -> Drained:
        if target.name.endswith("-0"):
            raise TemporaryError("instance_unclear", f"{target.name} did not answer in time")
        return super().drain(leaver, target, proofs, credentials, seconds=seconds)


def test_what_is_proved_on_one_survivor_is_remembered_while_another_is_too_slow() -> None:
    kanto = made(3)
    kanto.workers = [replace(engine, couch=OneIsTooSlow(kanto.world)) for engine in kanto.workers]
    scale(kanto, 2)

    def proved() -> set[str]:
        record = kanto.store.cluster(KEY)
        assert record is not None
        notes = decode(Memory, record.memory).leaving.values()
        return {proof.database for n in notes for proof in n.proofs if proof.is_complete and proof.target[-1] == "1"}

    kanto.until("the proof on the other", lambda: proved() == {"_users", "test"})


def test_no_piece_of_a_long_proof_is_done_twice() -> None:
    kanto = made(2)
    assert all(kanto.server(KEY, 0).write("test", f"doc{n}") for n in range(20))
    kanto.until("the ring to carry it", lambda: all(len(documents(s)) == 20 for s in kanto.world.servers.values()))
    couch = SlowCouch(kanto)
    kanto.world.page = 1
    kanto.workers = [replace(engine, couch=couch) for engine in kanto.workers]
    assert kanto.finish(scale(kanto, 1), seconds=600.0).status is JobStatus.SUCCEEDED
    assert couch.pieces <= 20 + 2


def test_a_step_of_an_unknown_cluster_does_nothing() -> None:
    kanto = Kanto()
    step(kanto.workers[0], KEY)
    assert not kanto.platform.clusters
