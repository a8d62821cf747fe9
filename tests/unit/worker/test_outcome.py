"""What a step leaves behind."""

from dataclasses import replace

from common.store.port import ClusterRecord
from tests.unit.worker.core.world import NOW, POLICY, decided, remembered, spec, whole
from worker.core.actions import Plan
from worker.core.memory import Memory
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
