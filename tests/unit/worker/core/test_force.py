"""What a user's word (`force=1`) allows, and for how long it waits for a proof all the same."""

from dataclasses import replace

from worker.core.actions import Apply, Retire
from worker.core.memory import Leaving, Memory
from worker.core.observed import Down, Observed, Platformed

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


def retired(seen: Observed, memory: Memory, now: float) -> tuple[list[Retire], Memory]:
    plan, memory = decided(seen, memory, what=FORCED, now=now)
    actions = plan.actions if isinstance(plan, Apply) else ()
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
