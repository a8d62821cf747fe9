"""Histories that chance makes too seldom, told by hand, and for each the mutant that breaks its promise."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from common.codec import decode
from common.jobs import JobStatus
from common.store.port import Outcome
from tests.simulation.defects import (
    BELIEVED,
    ENDLESS,
    OFFERED_ONCE,
    OLDER,
    OTHERS_IDS,
    OTHERS_PROOF,
    OVERWRITTEN,
    UNLOOKED,
)
from tests.simulation.engine import LEASE, Kanto
from tests.simulation.mutants import SOUND, Mutant
from tests.simulation.test_engine import KEY, documents, made, scale
from tests.twins.couch.adapter import MemoryCouch
from tests.twins.couch.world import Server
from worker.core.memory import Memory
from worker.core.observed import Instance, Proof
from worker.couch.documents import replication_id
from worker.ports import Credentials

NOTES = {f"note{n}" for n in range(5)}


def proved(kanto: Kanto) -> Mapping[str, bool]:
    """By survivor: whether all that the leaver holds is proved to be there."""
    record = kanto.store.cluster(KEY)
    if record is None or record.memory is None:
        return {}
    proofs = [proof for notes in decode(Memory, record.memory).leaving.values() for proof in notes.proofs]
    return {t: all(p.is_complete for p in proofs if p.target == t) for t in {p.target for p in proofs}}


def has_notes(server: Server) -> bool:
    database = server.databases.get("notes")
    return database is not None and {revision.doc_id for revision in database.revisions} == NOTES


def drained_while_a_target_is_replaced(mutant: Mutant) -> list[Server]:
    """A database that nothing replicates is proved on one survivor, who then loses all, and is filled again meanwhile.

    The other one is slow. The survivors, when the scale-down has ended.
    """
    with mutant.installed():
        kanto = made(3)
        leaver, slow = kanto.server(KEY, 2), kanto.server(KEY, 1)
        leaver.create("notes")
        assert all(leaver.write("notes", doc_id) for doc_id in sorted(NOTES))
        kanto.world.batch, slow.moves_every = 1, 400
        job = scale(kanto, 2)
        names = [instance.name for instance in kanto.view(KEY).instances]
        kanto.until("a proof on one", lambda: proved(kanto).get(names[0], False) and len(proved(kanto)) == 2)
        assert not proved(kanto)[names[1]]
        record = kanto.store.cluster(KEY)
        assert record is not None
        kanto.platform.kill(record.spec, 0, has_data=False)
        kanto.until("it has gone", lambda: kanto.view(KEY).instances[0].state != "serving")
        kanto.until("it is filled", lambda: kanto.view(KEY).instances[0].state == "serving")
        slow.moves_every = 1
        assert kanto.finish(job).status is JobStatus.SUCCEEDED
        return list(kanto.world.servers.values())


def test_a_proof_does_not_outlive_the_data_it_was_given_for() -> None:
    assert all(has_notes(server) for server in drained_while_a_target_is_replaced(SOUND))


def test_one_who_trusts_a_proof_whoever_is_there_now_is_caught() -> None:
    assert not all(has_notes(server) for server in drained_while_a_target_is_replaced(OTHERS_PROOF))


def linked_beside_a_user(mutant: Mutant) -> bool:
    """A user deletes a document of kanto's and replicates over that link himself; whether the ring is whole again."""
    with mutant.installed():
        kanto = made(2)
        first, second = kanto.server(KEY, 0), kanto.server(KEY, 1)
        doc_id = replication_id("test", kanto.view(KEY).instances[1].name)
        first.delete_document(doc_id)
        first.users["johny2"] = second.users["johny2"] = "Ty5wvW7LuQ3T"
        first.put_document(own_document(first, second))
        kanto.until("his to run", lambda: (job := first.jobs.get("own")) is not None and job.state == "running")
        kanto.until("kanto's to be tried", lambda: doc_id in first.jobs or is_failed(first, doc_id))
        for _ in range(3000):
            kanto.tick()
        assert first.jobs["own"].state == "running"
        return kanto.view(KEY).status == "ready"


def is_failed(server: Server, doc_id: str) -> bool:
    return server.documents.get(doc_id, {}).get("_replication_state") == "failed"


def own_document(source: Server, target: Server) -> dict[str, Any]:
    login = {"auth": {"basic": {"username": "johny2", "password": "Ty5wvW7LuQ3T"}}}
    return {
        "_id": "own",
        "source": {"url": f"{source.address}/test", **login},
        "target": {"url": f"{target.address}/test", **login},
        "continuous": True,
    }


def test_a_users_own_replication_of_the_same_link_is_in_nobodys_way() -> None:
    assert linked_beside_a_user(SOUND)


def test_one_who_replicates_under_the_id_of_a_users_own_is_caught() -> None:
    assert not linked_beside_a_user(OTHERS_IDS)


def has_ended_without_a_proof(mutant: Mutant) -> bool:
    """A scale-down whose survivors refuse a document for good, after 25 minutes."""
    with mutant.installed():
        kanto = made(3)
        assert kanto.server(KEY, 2).write("test", "stubborn")
        for ordinal in (0, 1):
            kanto.server(KEY, ordinal).databases["test"].refuses.add("stubborn")
        job, over = scale(kanto, 2), kanto.clock.now + 1500.0
        kanto.until("its time to pass", lambda: kanto.job(job).status.is_ended or kanto.clock.now > over, seconds=1501)
        return kanto.job(job).status.is_ended


def test_a_job_that_cannot_end_well_ends_at_its_deadline() -> None:
    assert has_ended_without_a_proof(SOUND)


def test_one_who_looks_at_no_deadline_is_caught() -> None:
    assert not has_ended_without_a_proof(ENDLESS)


def end_after_a_refusal(mutant: Mutant) -> JobStatus:
    """Of a scale-down during which the survivors refuse a document for a minute, as their validation functions say."""
    with mutant.installed():
        kanto = made(3)
        assert kanto.server(KEY, 2).write("test", "stubborn")
        staying = [kanto.server(KEY, ordinal) for ordinal in (0, 1)]
        for server in staying:
            server.databases["test"].refuses.add("stubborn")
        job = scale(kanto, 2)
        passed = kanto.clock.now + 60.0
        kanto.until("a minute to pass", lambda: kanto.clock.now > passed)
        assert kanto.job(job).status is JobStatus.RUNNING
        for server in staying:
            server.databases["test"].refuses.clear()
        return kanto.finish(job, seconds=1500.0).status


def test_a_drain_goes_on_once_what_was_refused_is_taken() -> None:
    assert end_after_a_refusal(SOUND) is JobStatus.SUCCEEDED


def test_one_who_offers_it_no_more_is_caught() -> None:
    assert end_after_a_refusal(OFFERED_ONCE) is JobStatus.FAILED


def seconds_until_begun(mutant: Mutant) -> float:
    """Of a request that comes while a step is under way, which ends with all well; every message of it is lost."""
    with mutant.installed():
        kanto = made(2)
        lease = kanto.store.acquire(KEY, "w0", ttl=LEASE)
        assert lease is not None
        job = scale(kanto, 3)
        kanto.store.release(lease, Outcome(due_in=30.0))
        began = kanto.clock.now
        kanto.until("the job to be begun", lambda: kanto.job(job).status is not JobStatus.QUEUED)
        return kanto.clock.now - began


def test_a_request_in_the_middle_of_a_step_is_taken_up_at_its_end() -> None:
    assert seconds_until_begun(SOUND) < 1.0


def test_one_who_overwrites_a_wake_up_at_the_end_of_a_step_is_caught() -> None:
    assert seconds_until_begun(OVERWRITTEN) > 20.0


def is_called_ready_on_a_full_disk(mutant: Mutant) -> bool:
    """Whether a cluster is that into whose second instance nothing passes, within the three minutes after it is told.

    Its link reaches the target each time it is begun again, and crashes ten seconds later.
    """
    with mutant.installed():
        kanto = made(2)
        kanto.world.notice_after, kanto.world.first_wait = 200, 600
        kanto.server(KEY, 1).fault = "full"
        assert kanto.server(KEY, 0).write("test", "late")
        kanto.until("it to be told", lambda: kanto.view(KEY).status == "degraded", seconds=120.0)
        over = kanto.clock.now + 180.0
        while kanto.clock.now < over:
            kanto.tick()
            if kanto.view(KEY).status == "ready":
                return True
        return False


def test_a_link_into_a_full_disk_never_counts_as_running() -> None:
    assert not is_called_ready_on_a_full_disk(SOUND)


def test_one_who_takes_a_link_that_is_begun_again_for_one_that_runs_is_caught() -> None:
    assert is_called_ready_on_a_full_disk(BELIEVED)


class LosesItsFence(MemoryCouch):
    """A leaver that was seen fenced, and is proved, loses its fence before the last look at it, and takes a write."""

    def __init__(self, kanto: Kanto) -> None:
        super().__init__(kanto.world)
        self.has_lost_it = False

    def verify(
        self,
        leaver: Instance,
        nonce: str,
        proofs: Sequence[Proof],
        targets: Sequence[Instance],
        credentials: Credentials,
    ) -> str | None:
        if not self.has_lost_it:
            self.has_lost_it = True
            server = self.world.servers[leaver.address]
            server.walls = server.checked = server.fenced = None
            server.restart(ticks=0)
            assert server.write("test", "late")
        return super().verify(leaver, nonce, proofs, targets, credentials)


def has_the_late_write(mutant: Mutant) -> bool:
    """Whether each survivor has what its leaver took between the proof and the deed."""
    with mutant.installed():
        kanto = made(3)
        couch = LosesItsFence(kanto)
        kanto.workers = [replace(engine, couch=couch) for engine in kanto.workers]
        assert kanto.finish(scale(kanto, 2)).status is JobStatus.SUCCEEDED
        assert couch.has_lost_it
        return all("late" in documents(server) for server in kanto.world.servers.values())


def test_a_fence_that_falls_after_the_proof_is_seen_by_the_last_look() -> None:
    assert has_the_late_write(SOUND)


def test_one_who_retires_without_a_last_look_is_caught() -> None:
    assert not has_the_late_write(UNLOOKED)


def instances_beside_an_older_copy(mutant: Mutant) -> int:
    """Redis comes back from a copy that knows three instances of the five, and no worker saw it away.

    It remembers that it wrote its own spec into the mirror. How many instances are there in the end.
    """
    with mutant.installed():
        kanto = made(3)
        older = copy.deepcopy(kanto.store._state)
        assert kanto.finish(scale(kanto, 5)).status is JobStatus.SUCCEEDED
        kanto.store._state = older
        doubts: list[str] = []
        kanto.workers = [replace(engine, doubt=lambda: doubts.append("older")) for engine in kanto.workers]
        for _ in range(3000):
            kanto.tick()
            if doubts:
                doubts.clear()
                kanto.store.rebuild(kanto.platform.records())  # type: ignore[arg-type]
        record = kanto.store.cluster(KEY)
        assert record is not None
        assert record.spec.replicas == len(kanto.view(KEY).instances)
        return len(kanto.world.servers)


def test_an_older_copy_that_nobody_saw_come_back_is_doubted_and_undoes_nothing() -> None:
    assert instances_beside_an_older_copy(SOUND) == 5


def test_one_whose_mirror_takes_an_older_spec_is_caught() -> None:
    assert instances_beside_an_older_copy(OLDER) == 3
