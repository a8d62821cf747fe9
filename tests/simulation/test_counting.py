"""Conflicts are counted by a step when somebody wishes it, and by no other."""

from common.view import Conflicts
from tests.simulation.engine import LEASE, Kanto
from tests.simulation.test_cancel import is_whole, scale
from tests.simulation.test_engine import KEY, made
from tests.twins.couch.world import Server


def counted(kanto: Kanto) -> Conflicts | None:
    record = kanto.store.cluster(KEY)
    assert record is not None
    return record.conflicts


def wished(kanto: Kanto) -> Conflicts:
    """The count that follows a wish of just now."""
    now = kanto.store.now()
    kanto.store.wake(KEY, count_within=LEASE)
    kanto.until("a count", lambda: (found := counted(kanto)) is not None and found.counted_at >= now)
    found = counted(kanto)
    assert found is not None
    return found


def with_conflicts() -> Kanto:
    """One document was written on two instances before either heard of the other."""
    kanto = made(3)
    first, second = (kanto.server(KEY, ordinal) for ordinal in (0, 1))
    for server in (first, second):
        assert server.write("test", "both")
    assert first.write("test", "one")
    kanto.until("both everywhere", lambda: all(has_both(server) for server in kanto.world.servers.values()))
    return kanto


def has_both(server: Server) -> bool:
    return sum(revision.doc_id == "both" for revision in server.databases["test"].revisions) == 2


def test_conflicts_are_counted_when_they_are_asked_for() -> None:
    kanto = with_conflicts()
    for _ in range(1500):
        kanto.tick()
    assert counted(kanto) is None
    found = wished(kanto)
    assert found.instance == kanto.view(KEY).instances[0].name
    assert {count.database: (count.documents, count.is_complete) for count in found.counts} == {
        "_users": (0, True),
        "test": (1, True),
    }
    for _ in range(1500):
        kanto.tick()
    assert counted(kanto) == found


def test_a_count_waits_until_there_is_nothing_else_to_do_and_is_in_nobodys_way() -> None:
    kanto = with_conflicts()
    job = scale(kanto, 5)
    kanto.store.wake(KEY, count_within=LEASE)
    kanto.until("the job", lambda: kanto.job(job).status.is_ended)
    kanto.until("ready", lambda: is_whole(kanto, 5))
    assert wished(kanto).counts[1].documents == 1


def test_when_nobody_answers_nothing_is_known() -> None:
    kanto = made(1)
    kanto.server(KEY, 0).fault = "unclear"
    found = wished(kanto)
    assert found.instance is None
    assert {(count.documents, count.is_complete) for count in found.counts} == {(None, False)}
