"""What a user's word (`force=1`) allows, and for how long it waits for a proof all the same."""

from dataclasses import replace

from worker.core import parting
from worker.core.actions import Action, Apply, Drain, Retire
from worker.core.memory import Leaving, Memory
from worker.core.observed import Down, Drained, Fence, Fill, Node, Observed, Platformed, Proof, Unknown

from . import world
from .world import NOW, POLICY, decided, instance, name, remembered, whole

FORCED = replace(world.spec(2), force=True)


def with_silent_leaver() -> Observed:
    """Two that stay and are well, and one that is on its way out and refuses connections."""
    two = whole(2)
    assert isinstance(two.platform, Platformed)
    platform = replace(two.platform, instances=(*two.platform.instances, instance(2, serving=False)))
    return Observed(platform, {**two.nodes, name(2): Down("connection refused")})


def leaving_for(seconds: float) -> Memory:
    """The leaver was withdrawn so long ago, and answered until now."""
    memory = remembered(3)
    notes = Leaving(nonce="1-id2", withdrawn_at=NOW - seconds)
    return replace(memory, durable=replace(memory.durable, leavers=("id2",)), leaving={"id2": notes})


def planned(seen: Observed, memory: Memory, now: float) -> tuple[tuple[Action, ...], Memory]:
    plan, memory = decided(seen, memory, what=FORCED, now=now)
    return plan.actions if isinstance(plan, Apply) else (), memory


def retired(seen: Observed, memory: Memory, now: float) -> tuple[list[Retire], Memory]:
    actions, memory = planned(seen, memory, now)
    return [action for action in actions if isinstance(action, Retire)], memory


def test_a_forced_leaver_that_restarts_for_its_fence_is_waited_for() -> None:
    found, memory = retired(with_silent_leaver(), leaving_for(1000.0), NOW)
    assert found == []
    found, _ = retired(with_silent_leaver(), memory, NOW + POLICY.bridge_after - 1)
    assert found == []


def test_a_forced_leaver_that_stays_away_goes() -> None:
    _, memory = retired(with_silent_leaver(), leaving_for(1000.0), NOW)
    (found,), _ = retired(with_silent_leaver(), memory, NOW + POLICY.bridge_after)
    assert (found.instance, found.is_forced) == (name(2), True)


def test_a_leavers_silence_counts_from_its_last_answer() -> None:
    """Not from when it began to leave."""
    answering = with_silent_leaver()
    answering = replace(answering, nodes={**answering.nodes, name(2): world.node(2)})
    _, memory = decided(answering, leaving_for(1000.0), what=FORCED, now=NOW)
    _, memory = decided(answering, memory, what=FORCED, now=NOW + 500)
    assert name(2) not in memory.down
    found, _ = retired(with_silent_leaver(), memory, NOW + 501)
    assert found == []


def with_fenced_leaver(*, written: int = 0, other: Down | None = None) -> Observed:
    """Two that stay, and instance 2 that is fenced and being copied to instance 0; instance 3 leaves too, if told."""
    two = whole(2)
    assert isinstance(two.platform, Platformed)
    leavers = (instance(2, serving=False), *((instance(3, serving=False),) if other else ()))
    first = two.nodes[name(0)]
    assert isinstance(first, Node)
    copying = replace(first, fills=(Fill("big", name(2), "running", written=written),))
    nodes = {**two.nodes, name(0): copying, name(2): replace(world.node(2), fence=Fence("1-id2"))}
    platform = replace(two.platform, instances=(*two.platform.instances, *leavers))
    return Observed(platform, nodes | ({name(3): other} if other else {}))


def drained(memory: Memory, found: list[Drain], now: float) -> Memory:
    """A piece of each brought nothing new: the copy is under way, or a document was refused."""
    nothing = Drained(("big",), (), ("big is on its way",))
    return parting.learned(memory, [(action, nothing) for action in found], now=now)


def seconds_until_forced(copied_for: float) -> float:
    """From the first drain of a leaver that answers, of which documents are copied for so long, to its retirement."""
    memory = leaving_for(1000.0)
    for second in range(1000):
        copied = int(min(second, copied_for)) * 2_000
        actions, memory = planned(with_fenced_leaver(written=copied), memory, NOW + second)
        if any(isinstance(action, Retire) for action in actions):
            return second
        memory = drained(memory, [action for action in actions if isinstance(action, Drain)], NOW + second)
    raise AssertionError("it never went")


def test_a_forced_leaver_that_answers_and_is_refused_goes() -> None:
    assert seconds_until_forced(0) == POLICY.bridge_after


def test_a_forced_leaver_is_copied_for_as_long_as_anything_passes() -> None:
    assert seconds_until_forced(300) == 300 + POLICY.bridge_after


def test_a_forced_leaver_that_waits_for_another_one_is_drained_first() -> None:
    """The other one died a moment after this one was fenced."""
    memory = leaving_for(1000.0)
    notes = {**memory.leaving, "id3": Leaving(nonce="1-id3", withdrawn_at=NOW - 1000)}
    memory = replace(memory, durable=replace(memory.durable, leavers=("id2", "id3")), leaving=notes)
    seen = with_fenced_leaver(other=Down("connection refused"))
    for second in range(int(POLICY.bridge_after) + 2):
        actions, memory = planned(seen, memory, NOW + second)
        assert name(2) not in [action.instance for action in actions if isinstance(action, Retire)]
        if any(isinstance(action, Drain) and action.instance == name(2) for action in actions):
            return
    raise AssertionError("its drain never began")


def test_one_look_that_fails_takes_no_proof_away() -> None:
    proof = Proof("big", name(0), "uuid0", "s", "t", documents=9_000_000, total=10_000_000)
    memory = leaving_for(1000.0)
    notes = replace(memory.leaving["id2"], is_fenced=True, databases=("big",), proofs=(proof,), proved_at=NOW)
    memory = memory.but(leaving={"id2": notes})
    seen = with_fenced_leaver()
    for at, node in enumerate((seen.nodes[name(2)], Unknown("it was not read in time"), seen.nodes[name(2)])):
        look = Observed(seen.platform, {**seen.nodes, name(2): node})
        _, memory = decided(look, memory, what=world.spec(2), now=NOW + at)
        assert memory.leaving["id2"].proofs == (proof,)
    unfenced = Observed(seen.platform, {**seen.nodes, name(2): world.node(2)})
    _, memory = decided(unfenced, memory, what=world.spec(2), now=NOW + 3)
    assert memory.leaving["id2"].proofs == (), "it may have been written to"
