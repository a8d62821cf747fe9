"""The faults of the platform in memory, which a simulation switches on and off."""

from dataclasses import replace

import pytest

from common.errors import TemporaryError
from tests.homes import SPEC, instances, record
from tests.twins.platform import MemoryPlatform
from worker.core.observed import Platformed, Unknown
from worker.ports import Credentials


class Running:
    """Servers that note what they are told."""

    def __init__(self) -> None:
        self.alive: dict[str, str] = {}
        self.lost: list[str] = []

    def started(self, address: str, uuid: str, credentials: Credentials) -> None:
        assert credentials.password
        self.alive[address] = uuid

    def ended(self, address: str, *, has_data: bool) -> None:
        uuid = self.alive.pop(address, "dead")
        if not has_data:
            self.lost.append(uuid)


def made(servers: Running | None = None, *, keeps_addresses: bool = True) -> MemoryPlatform:
    platform = MemoryPlatform(servers, keeps_addresses=keeps_addresses)
    platform.claim(SPEC, 1)
    platform.mirror(record(SPEC))
    platform.provision(SPEC, (), 1)
    return platform


def test_away_is_unknown_and_does_nothing() -> None:
    platform = made()
    platform.faults.is_away = True
    assert isinstance(platform.observe(SPEC), Unknown)
    assert isinstance(platform.credentials(SPEC), Unknown)
    assert isinstance(platform.records(), Unknown)
    with pytest.raises(TemporaryError):
        platform.remove(SPEC, 1)
    platform.faults.is_away = False
    assert len(instances(platform, SPEC)) == 3


def test_a_lost_answer_leaves_what_was_done() -> None:
    platform = made()
    platform.faults.is_deaf = True
    with pytest.raises(TemporaryError):
        platform.remove(SPEC, 1)
    assert platform.observe(SPEC) == Platformed()


def test_a_call_that_breaks_off_is_ended_by_the_next() -> None:
    """At every effect: nothing made twice, nothing left out."""
    for effects in range(12):
        platform = MemoryPlatform()
        platform.claim(SPEC, 1)
        platform.faults.breaks_after = effects
        try:
            platform.provision(SPEC, (), 1)
        except TemporaryError:
            platform.faults.breaks_after = None
            platform.provision(SPEC, (), 1)
        seen = instances(platform, SPEC)
        assert [i.phase for i in seen] == ["running"] * 3
        assert isinstance(platform.credentials(SPEC), Credentials)


def test_a_broken_off_removal_can_be_seen_until_it_is_whole() -> None:
    for effects in range(6):
        platform = made()
        platform.faults.breaks_after = effects
        try:
            platform.remove(SPEC, 1)
        except TemporaryError:
            assert platform.observe(SPEC) != Platformed()
            platform.faults.breaks_after = None
            platform.remove(SPEC, 1)
        assert platform.observe(SPEC) == Platformed()
        assert platform.records() == ()


def test_what_cannot_start_says_why_and_starts_later() -> None:
    platform = MemoryPlatform()
    platform.claim(SPEC, 1)
    platform.faults.why_not_starting = "ImagePullBackOff"
    platform.provision(SPEC, (), 1)
    assert [(i.phase, i.reason) for i in instances(platform, SPEC)] == [("down", "ImagePullBackOff")] * 3
    platform.faults.why_not_starting = ""
    platform.provision(SPEC, (), 1)
    assert [i.phase for i in instances(platform, SPEC)] == ["running"] * 3


def test_servers_are_told_of_starts_and_ends() -> None:
    servers = Running()
    platform = made(servers)
    before = {i.address: i.identity for i in instances(platform, SPEC)}
    assert servers.alive == before
    platform.kill(SPEC, 1)
    assert len(servers.alive) == 2
    platform.provision(SPEC, (), 1)
    assert servers.alive == before
    platform.kill(SPEC, 1, has_data=False)
    platform.provision(SPEC, (), 1)
    assert len(servers.alive) == 3
    assert servers.lost == [list(before.values())[1]]
    platform.remove(SPEC, 1)
    assert servers.alive == {}


def test_an_instance_may_move_when_it_starts_again() -> None:
    servers = Running()
    platform = made(servers, keeps_addresses=False)
    before = instances(platform, SPEC)[1]
    platform.kill(SPEC, 1)
    platform.provision(SPEC, (), 1)
    after = instances(platform, SPEC)[1]
    assert after.address != before.address
    assert after == replace(before, address=after.address, url=after.url)
    assert set(servers.alive) == {i.address for i in instances(platform, SPEC)}
