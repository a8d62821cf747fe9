"""A link that crashed and was begun again is not said to run before something shows that it does."""

from dataclasses import replace

import pytest

from worker.core import remember, status
from worker.core.actions import Apply, Done, Plan, PutReplications
from worker.core.memory import Memory
from worker.core.observed import Down, Observed, Platformed, Replication
from worker.core.ring import Wanted
from worker.core.situation import Situation

from . import world
from .world import NOW, POLICY, decided, name, remembered, whole, with_node, with_replication

LINK = Wanted(name(0), name(1), "test")
CRASHING = Replication("test", name(1), is_sound=True, state="crashing", error="connection refused")
BEGUN = Replication("test", name(1), is_sound=True, state="running")
MOVED = replace(BEGUN, pending=0, progress="8-b 8 8", through="8-b")


def seen(link: Replication) -> Observed:
    return with_replication(whole(), 0, link, was=LINK)


def ran(mark: str) -> Replication:
    return replace(BEGUN, pending=0, progress=mark, through=mark.partition(" ")[0])


def kicked(memory: Memory, now: float) -> Memory:
    """It is found crashing, and written again."""
    plan, memory = decided(seen(CRASHING), memory, now=now)
    assert isinstance(plan, Apply)
    assert plan.actions == (PutReplications(name(0), (LINK,)),)
    return remember.carried_out(memory, plan.actions, seen(CRASHING))


def is_told(plan: Plan) -> bool:
    return not isinstance(plan, Apply) and [reason.code for reason in plan.reasons] == ["link_not_running"]


def test_after_a_kick_it_does_not_count_as_running_until_it_tells_what_it_does() -> None:
    memory = kicked(remembered(), NOW)
    plan, memory = decided(seen(BEGUN), memory, now=NOW + 1)
    assert is_told(plan)
    plan, memory = decided(seen(BEGUN), memory, now=NOW + 7)
    assert is_told(plan), "also once the kick itself is forgotten"
    plan, memory = decided(seen(MOVED), memory, now=NOW + 8)
    assert isinstance(plan, Done)
    assert not memory.crashed


def test_one_that_crashes_again_and_again_is_never_ready_meanwhile() -> None:
    memory, now = remembered(), NOW
    for _ in range(6):
        memory, now = kicked(memory, now), now + 1
        while now - memory.crashed[f"{name(0)}>{name(1)}>test"].at < 16:
            plan, memory = decided(seen(BEGUN), memory, now=now)
            assert is_told(plan)
            now += 5
        now += 60  # the longest pause between two kicks


def test_one_that_takes_long_to_crash_has_to_run_for_twice_as_long_as_it_did() -> None:
    memory = kicked(remembered(), NOW)
    _, memory = decided(seen(BEGUN), memory, now=NOW + 15)
    memory = kicked(memory, NOW + 150)
    plan, memory = decided(seen(BEGUN), memory, now=NOW + 449)
    assert is_told(plan)
    plan, memory = decided(seen(BEGUN), memory, now=NOW + 451)
    assert isinstance(plan, Done)


def test_one_of_an_empty_database_tells_nothing_and_is_believed_when_it_has_outlasted_all_tries() -> None:
    memory = kicked(remembered(), NOW)
    plan, memory = decided(seen(BEGUN), memory, now=NOW + 19)
    assert is_told(plan)
    plan, memory = decided(seen(BEGUN), memory, now=NOW + 20)
    assert isinstance(plan, Done)


@pytest.mark.parametrize(("mark", "is_news"), [("7-a 7 7", False), ("8-b 8 8", True)])
def test_what_it_told_before_it_crashed_is_no_news_if_couchdb_begins_it_by_itself(mark: str, is_news: bool) -> None:
    _, memory = decided(seen(ran("7-a 7 7")), remembered())
    away = with_node(seen(CRASHING), 1, Down("connection refused"))
    _, memory = decided(away, memory, now=NOW + 1)
    plan, memory = decided(seen(ran(mark)), memory, now=NOW + 2)
    assert is_told(plan) is not is_news


def test_what_it_only_looks_at_is_no_sign() -> None:
    """The target's disk is full: each run goes on from the checkpoint, reads, and writes nothing."""
    memory = kicked(remembered(), NOW)
    for at, looked_at in ((1, 7), (2, 60), (8, 507)):
        reads = replace(BEGUN, pending=500, progress=f"7-a {looked_at} 7", through="7-a")
        plan, memory = decided(seen(reads), memory, now=NOW + at)
        assert is_told(plan)
    passes = replace(BEGUN, pending=400, progress="107-c 507 107", through="107-c")
    plan, _ = decided(seen(passes), memory, now=NOW + 9)
    assert isinstance(plan, Done)


def test_once_it_was_written_again_it_may_tell_the_same_as_before() -> None:
    """It goes on from its checkpoint."""
    _, memory = decided(seen(ran("7-a 7 7")), remembered())
    memory = kicked(memory, NOW + 1)
    plan, _ = decided(seen(ran("7-a 7 7")), memory, now=NOW + 2)
    assert isinstance(plan, Done)


def test_what_crashed_before_its_target_was_there_says_nothing_of_the_link() -> None:
    known = {key: uuid for key, uuid in remembered().reached.items() if key != f"{name(0)}>{name(1)}>test"}
    memory = kicked(replace(remembered(), reached=known), NOW)
    plan, memory = decided(seen(BEGUN), memory, now=NOW + 1)
    assert isinstance(plan, Done)
    memory = kicked(memory, NOW + 15)
    plan, _ = decided(seen(BEGUN), memory, now=NOW + 16)
    assert is_told(plan), "from the second time on it is the link"


def test_it_is_remembered_while_its_source_is_silent_and_forgotten_with_its_document() -> None:
    memory = kicked(remembered(), NOW)
    _, memory = decided(with_node(whole(), 0, Down("connection refused")), memory, now=NOW + 1)
    assert memory.crashed
    _, memory = decided(with_replication(whole(), 0, None, was=LINK), memory, now=NOW + 2)
    assert not memory.crashed


def test_people_are_shown_that_it_crashed() -> None:
    memory = kicked(remembered(), NOW)
    plan, memory = decided(seen(BEGUN), memory, now=NOW + 1)
    platform = seen(BEGUN).platform
    assert isinstance(platform, Platformed)
    view = status.view(Situation(world.spec(), seen(BEGUN), platform, memory, NOW + 1, POLICY), plan, 1)
    shown = next(link for link in view.links if (link.source, link.target) == (name(0), name(1)))
    assert {one.database: one.state for one in shown.replications} == {"_users": "running", "test": "crashing"}
    assert view.status == "degraded"


def test_why_it_crashed_is_told_for_as_long_as_it_is_not_believed() -> None:
    _, memory = decided(seen(replace(CRASHING, error="no space left on device " + "x" * 300)), remembered())
    plan, _ = decided(seen(BEGUN), memory, now=NOW + 1)
    assert not isinstance(plan, Apply)
    (reason,) = plan.reasons
    assert "has passed nothing on yet: no space left on device xxx" in reason.text
    assert len(reason.text) < 400
