"""The anchor: fencing numbers, the mirror, and what it brings back."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from common.cluster import Durable, MirrorRecord
from common.errors import LeaseLost, OlderCopy, PermanentError
from tests.contract.platform.hosts import colliding_users
from tests.contract.platform.steps import claim, is_empty, make, provision, remove
from tests.homes import SPEC, instances, look, record
from worker.core.observed import Instance, Unknown
from worker.ports import Platform

NOBODY = Instance("cdb-x-0", "none", "", "", "running", serving=False)

Write = Callable[[Platform, int], None]

WRITES: dict[str, Write] = {
    "mirror": lambda platform, fence: platform.mirror(record(SPEC, fence=fence)),
    "provision": lambda platform, fence: platform.provision(SPEC, (), fence),
    "serve": lambda platform, fence: platform.serve(SPEC, (), fence),
    "retire": lambda platform, fence: platform.retire(SPEC, NOBODY, fence),
}


def records(platform: Platform) -> tuple[MirrorRecord, ...]:
    found = platform.records()
    assert not isinstance(found, Unknown), found
    return tuple(found)


def test_an_empty_place_says_so(platform: Platform) -> None:
    assert is_empty(platform, SPEC)
    assert isinstance(platform.credentials(SPEC), Unknown)
    assert records(platform) == ()


def test_a_claim_alone_shows_nothing(platform: Platform) -> None:
    platform.claim(SPEC, 1)
    assert is_empty(platform, SPEC)
    assert records(platform) == ()


def test_a_lower_claim_comes_too_late(platform: Platform) -> None:
    platform.claim(SPEC, 5)
    platform.claim(SPEC, 5)
    with pytest.raises(LeaseLost):
        platform.claim(SPEC, 4)


@pytest.mark.parametrize("write", sorted(WRITES))
def test_what_was_not_claimed_is_not_written(platform: Platform, write: str) -> None:
    with pytest.raises(LeaseLost):
        WRITES[write](platform, 1)
    assert is_empty(platform, SPEC)


@pytest.mark.parametrize("write", sorted(WRITES))
def test_a_late_write_does_nothing(platform: Platform, write: str) -> None:
    platform.claim(SPEC, 2)
    platform.claim(SPEC, 3)
    with pytest.raises(LeaseLost):
        WRITES[write](platform, 2)
    assert is_empty(platform, SPEC)
    assert records(platform) == ()


def test_a_late_removal_removes_nothing(platform: Platform) -> None:
    make(platform, fence=2)
    platform.claim(SPEC, 3)
    with pytest.raises(LeaseLost):
        platform.remove(SPEC, 2)
    assert len(instances(platform, SPEC)) == SPEC.replicas


def test_a_late_retire_and_serve_change_nothing(platform: Platform) -> None:
    make(platform, fence=2)
    before = instances(platform, SPEC)
    platform.claim(SPEC, 3)
    with pytest.raises(LeaseLost):
        platform.retire(SPEC, before[2], 2)
    with pytest.raises(LeaseLost):
        platform.serve(SPEC, [before[0].name], 2)
    assert [(i.identity, i.serving) for i in instances(platform, SPEC)] == [(i.identity, False) for i in before]


def test_a_write_after_the_removal_does_nothing(platform: Platform) -> None:
    make(platform)
    remove(platform)
    with pytest.raises(LeaseLost):
        platform.provision(SPEC, (), 1)
    assert is_empty(platform, SPEC)


def test_the_claim_of_a_deleted_cluster_makes_nothing(platform: Platform) -> None:
    gone = replace(SPEC, deleted=True)
    platform.claim(gone, 1)
    platform.mirror(record(gone))
    remove(platform)
    assert records(platform) == ()


def test_the_mirror_comes_back_as_it_was_given(platform: Platform) -> None:
    durable = Durable(leavers=("a",), filled=("b", "c"), ever_filled=True)
    given = replace(record(SPEC, version=7, fence=1), durable=durable)
    platform.claim(SPEC, 1)
    platform.mirror(given)
    assert records(platform) == (given,)


def test_an_older_spec_does_not_replace_a_newer_one(platform: Platform) -> None:
    """A Redis that is an older copy gives higher fencing numbers all the same (hazards H21)."""
    newer = record(replace(SPEC, replicas=5), version=7)
    platform.claim(SPEC, 1)
    platform.mirror(newer)
    platform.claim(SPEC, 9)
    with pytest.raises(OlderCopy):
        platform.mirror(record(SPEC, version=6, fence=9))
    with pytest.raises(OlderCopy):
        platform.mirror(record(replace(SPEC, deleted=True), version=6, fence=9))
    assert records(platform) == (replace(newer, fence=9),)


def test_another_spec_under_the_same_version_is_for_people(platform: Platform) -> None:
    platform.claim(SPEC, 1)
    platform.mirror(record(SPEC, version=7))
    with pytest.raises(PermanentError) as refused:
        platform.mirror(record(replace(SPEC, replicas=5), version=7))
    assert refused.value.code == "mirror_conflict"
    assert records(platform) == (record(SPEC, version=7),)


def test_under_one_version_the_newer_memory_is_kept(platform: Platform) -> None:
    platform.claim(SPEC, 1)
    platform.mirror(record(SPEC, version=7))
    later = replace(record(SPEC, version=7), durable=Durable(leavers=("a",), ever_filled=True))
    platform.mirror(later)
    assert records(platform) == (later,)


def test_a_cluster_that_was_made_again_has_versions_of_its_own(platform: Platform) -> None:
    platform.claim(SPEC, 1)
    platform.mirror(record(replace(SPEC, deleted=True), version=7))
    after = replace(SPEC, incarnation="second")
    claim(platform, after, 2)
    platform.mirror(record(after, version=3, fence=2))
    assert records(platform) == (record(after, version=3, fence=2),)


def test_records_know_the_last_claim(platform: Platform) -> None:
    platform.claim(SPEC, 1)
    platform.mirror(record(SPEC))
    platform.claim(SPEC, 9)
    assert [found.fence for found in records(platform)] == [9]


def test_records_are_those_of_all_clusters(platform: Platform) -> None:
    specs = [replace(SPEC, user=user, tag=tag) for user in ("ann", "bob") for tag in ("tag1", "tag2")]
    for spec in specs:
        platform.claim(spec, 1)
        platform.mirror(record(spec))
    assert {found.spec.key for found in records(platform)} == {spec.key for spec in specs}


def test_a_deleted_mirror_stays_until_the_removal(platform: Platform) -> None:
    platform.claim(SPEC, 1)
    platform.mirror(record(SPEC))
    gone = replace(SPEC, deleted=True)
    platform.mirror(record(gone, version=2))
    assert [found.spec.deleted for found in records(platform)] == [True]
    remove(platform)
    platform.mirror(record(gone, version=2))
    assert records(platform) == ()


def test_users_whose_clusters_have_one_name_do_not_meet(platform: Platform) -> None:
    mine, other = (replace(SPEC, user=user, replicas=1) for user in colliding_users(SPEC.tag))
    make(platform, mine)
    with pytest.raises(PermanentError) as refused:
        platform.claim(other, 2)
    assert refused.value.code == "name_taken"
    assert is_empty(platform, other)
    assert isinstance(platform.credentials(other), Unknown)
    platform.remove(replace(other, deleted=True), 3)
    assert len(instances(platform, mine)) == 1


def test_the_same_tag_of_two_users_is_two_clusters(platform: Platform) -> None:
    ann, bob = (replace(SPEC, user=user, replicas=1) for user in ("ann", "bob"))
    for spec in (ann, bob):
        make(platform, spec)
    assert look(platform, ann).endpoint != look(platform, bob).endpoint
    remove(platform, ann)
    assert len(instances(platform, bob)) == 1


def test_data_that_nobody_deleted_are_not_taken_over(platform: Platform) -> None:
    make(platform)
    with pytest.raises(PermanentError) as refused:
        platform.claim(replace(SPEC, incarnation="second"), 2)
    assert refused.value.code == "name_taken"
    assert len(instances(platform, SPEC)) == SPEC.replicas


def test_what_a_deleted_cluster_left_makes_place_for_the_next(platform: Platform) -> None:
    make(platform)
    platform.mirror(record(replace(SPEC, deleted=True), version=2))
    after = replace(SPEC, incarnation="second", replicas=1)
    claim(platform, after, 2)
    assert is_empty(platform, after)
    provision(platform, after, fence=2)
    assert len(instances(platform, after)) == 1
