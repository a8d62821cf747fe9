from hypothesis import given
from hypothesis import strategies as st

from worker.core import ring
from worker.core.ring import Link, Wanted


def test_one_instance_has_no_link() -> None:
    assert ring.links(["a-0"]) == frozenset()


def test_two_instances_have_a_link_each_way() -> None:
    assert ring.links(["a-0", "a-1"]) == {Link("a-0", "a-1"), Link("a-1", "a-0")}


def test_ordinals_are_numbers_and_not_text() -> None:
    assert Link("a-2", "a-10") in ring.links(["a-10", "a-2", "a-0"])


@given(st.sets(st.integers(0, 99), min_size=2, max_size=10))
def test_a_ring_passes_through_every_instance_once(ordinals: set[int]) -> None:
    names = [f"cdb-x-{n}" for n in ordinals]
    follow = {link.source: link.target for link in ring.links(names)}
    assert len(follow) == len(names)
    at, seen = names[0], set[str]()
    for _ in names:
        seen.add(at)
        at = follow[at]
    assert at == names[0]
    assert seen == set(names)


def test_every_database_goes_over_every_link() -> None:
    found = ring.replications([Link("a-0", "a-1")], ["x", "y"])
    assert found == {Wanted("a-0", "a-1", "x"), Wanted("a-0", "a-1", "y")}
