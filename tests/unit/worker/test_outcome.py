"""What a step leaves behind."""

from dataclasses import replace

from common.store.port import ClusterRecord
from tests.unit.worker.core.world import NOW, POLICY, decided, remembered, spec, whole
from worker.core import parting
from worker.core.actions import Drain, Plan
from worker.core.memory import Leaving, Memory
from worker.core.observed import Drained, Proof
from worker.outcome import Look, underway


def look(plan: Plan, memory: Memory, *, before: Memory) -> Look:
    record = ClusterRecord(spec(), version=1, owner_hash="$argon2id$hash")
    policy = replace(POLICY, deadline_progress=42.0)
    return Look(record, None, whole(), plan, memory, before, NOW, policy)


def test_progress_gives_the_job_the_time_that_settings_allow_until_the_next() -> None:
    plan, memory = decided(whole(), remembered())
    outcome = underway(look(plan, replace(memory, best=7), before=replace(memory, best=6)))
    assert outcome.progressed
    assert outcome.progress_window == 42.0


def test_no_progress_moves_no_deadline() -> None:
    plan, memory = decided(whole(), remembered())
    assert not underway(look(plan, memory, before=memory)).progressed


def proof(documents: int) -> Proof:
    return Proof("test", "b", "uuid-b", "1", "2", since=str(documents), documents=documents)


def after_a_piece(memory: Memory, documents: int) -> Memory:
    drained = Drained(("test",), (proof(documents),))
    return parting.learned(memory, [(Drain("a", "id-a", "b", ()), drained)], now=NOW + documents)


def test_each_piece_of_a_large_proof_is_progress_of_its_job() -> None:
    plan, memory = decided(whole(), remembered())
    memory = replace(memory, leaving={"id-a": Leaving("n", is_fenced=True, proved_at=NOW)}, moved_at=NOW)
    first = after_a_piece(memory, 1_000)
    assert underway(look(plan, first, before=memory)).progressed
    assert first.moved_at == NOW + 1_000, "the next look comes soon"
    again = after_a_piece(first, 1_000)
    assert not underway(look(plan, again, before=first)).progressed
