import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from worker.platforms.kubernetes import names

from .clusters import a_spec, tags, untimed, users

LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


@untimed
@given(users, tags, st.integers(0, 9))
def test_every_name_is_a_valid_name_of_a_service(user: str, tag: str, ordinal: int) -> None:
    spec = a_spec(user=user, tag=tag)
    found = [names.workload(spec), names.login(spec), names.peers(spec), names.instance(spec, ordinal)]
    for name in [*found, names.claim(spec, ordinal)]:
        assert SERVICE.fullmatch(name)
        assert len(name) <= 63
    assert len({*found, names.claim(spec, ordinal)}) == 5


@untimed
@given(users, tags)
def test_every_label_is_valid(user: str, tag: str) -> None:
    spec = a_spec(user=user, tag=tag)
    for value in names.labels(spec, component="instance", instance=names.instance(spec, 0)).values():
        assert LABEL.fullmatch(value)
        assert len(value) <= 63


@untimed
@given(users, users, tags, tags)
def test_two_users_never_share_a_label_or_a_name(one: str, other: str, tag: str, other_tag: str) -> None:
    assume(one != other)
    assert names.user_label(one) != names.user_label(other)
    mine, theirs = a_spec(user=one, tag=tag), a_spec(user=other, tag=other_tag)
    assert {f(mine) for f in (names.workload, names.login, names.peers)}.isdisjoint(
        f(theirs) for f in (names.workload, names.login, names.peers)
    )
    assert names.is_of(names.annotations(mine), mine)
    assert not names.is_of(names.annotations(mine), theirs)


def test_a_plain_user_is_its_own_label() -> None:
    assert names.user_label("johny2") == "johny2"


def test_a_made_up_label_cannot_be_taken_by_a_user_of_that_name() -> None:
    made_up = names.user_label("ann@example.com")
    assert made_up.startswith("ann-example.com---")
    assert names.user_label(made_up) != made_up


def test_no_object_of_an_earlier_cluster_of_the_name_is_chosen() -> None:
    now, before = a_spec(), a_spec(incarnation="fedcba9876543210")
    assert names.workload(now) == names.workload(before)
    assert names.selector(now) != names.selector(before)
    assert names.claim(now, 0) != names.claim(before, 0)
    assert not names.is_of(names.annotations(before), now)
    assert not names.is_of(None, now)


@pytest.mark.parametrize(("tail", "ordinal"), [("-0", 0), ("-10", 10), ("-01", None), ("-", None), ("", None)])
def test_ordinals_are_read_from_names(tail: str, ordinal: int | None) -> None:
    spec = a_spec()
    assert names.ordinal(spec, f"{names.workload(spec)}{tail}") == ordinal


def test_a_stranger_has_no_ordinal() -> None:
    assert names.ordinal(a_spec(), "cdb-other-00000000-0") is None


@pytest.mark.parametrize(
    ("spawner", "address"),
    [
        ("rc", "http://cdb-my-test-db1-e2a0d9ee-1.couches.svc:5984"),
        ("statefulset", "http://cdb-my-test-db1-e2a0d9ee-1.cdb-my-test-db1-e2a0d9ee-peers.couches.svc:5984"),
    ],
)
def test_instances_with_names_have_addresses(spawner: str, address: str) -> None:
    spec = a_spec(spawner)  # type: ignore[arg-type]
    assert names.peer_address(spec, 1, namespace="couches") == address.replace(
        "cdb-my-test-db1-e2a0d9ee", names.workload(spec)
    )
