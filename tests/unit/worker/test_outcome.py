"""What a step leaves behind."""

from dataclasses import replace

from common.codec import decode
from common.errors import TemporaryError
from common.store.port import ClusterRecord
from tests.unit.worker.core.world import NOW, POLICY, decided, remembered, spec, whole
from worker.core import parting
from worker.core.actions import Drain, Plan
from worker.core.memory import Leaving, Memory
from worker.core.observed import Drained, Fill, Node, Observed, Proof
from worker.outcome import Look, of_error, of_look, underway


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


def test_documents_that_a_one_shot_has_copied_are_progress_of_the_job() -> None:
    """A database may take longer to copy than a job may stand still."""

    def filling(written: int) -> Observed:
        fills = (Fill("test", "a", "running", written=written),)
        seen = whole()
        return replace(seen, nodes={name: replace(node, fills=fills) for name, node in nodes_of(seen).items()})

    plan, memory = decided(filling(10), remembered())
    _, later = decided(filling(20), memory)
    _, again = decided(filling(20), later)
    assert underway(look(plan, later, before=memory)).progressed
    assert not underway(look(plan, again, before=later)).progressed


def nodes_of(observed: Observed) -> dict[str, Node]:
    return {name: node for name, node in observed.nodes.items() if isinstance(node, Node)}


def test_the_job_says_how_many_documents_of_a_leaver_are_proved() -> None:
    one = replace(proof(41_000), total=100_000)
    notes = Leaving("n", is_fenced=True, targets=("b",), databases=("test",), proofs=(one,))
    assert parting.proved_of(notes) == "0 of 1 databases proved, 41000 of 100000 documents"
    done = replace(notes, proofs=(replace(one, documents=99_999, is_complete=True),))
    assert parting.proved_of(done) == "1 of 1 databases proved, 99999 of 99999 documents"
    assert parting.done(notes) < parting.done(done) < parting.total(done)


def test_a_step_that_went_well_lets_the_next_error_be_the_first_in_a_row() -> None:
    plan, memory = decided(whole(), remembered())
    memory = replace(memory, failures=5)
    ended = of_look(look(plan, memory, before=memory), jitter=0.5)
    assert ended.memory is not None
    error = TemporaryError("away", "it was away", retry_in=1.0)
    after = decode(Memory, ended.memory)
    assert of_error(error, job=None, before=after, memory=after, policy=POLICY).due_in == 1.0
    assert of_error(error, job=None, before=memory, memory=memory, policy=POLICY).due_in == 30.0
