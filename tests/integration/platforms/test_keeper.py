"""The keeper: a dead balancer is back, a dead instance is told."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from common.cluster import ClusterKey
from tests.homes import SPEC, build_platform, instances, look, record, until
from tests.integration.platforms import http
from worker.platforms.process import processes
from worker.platforms.process.keeper import Keeper
from worker.platforms.process.launcher import LocalLauncher
from worker.platforms.process.layout import ClusterPlace, HomePlace
from worker.platforms.process.platform import ProcessPlatform


class Told:
    """What the keeper has called with."""

    def __init__(self) -> None:
        self.keys: list[ClusterKey] = []
        self.any = threading.Event()

    def __call__(self, key: ClusterKey) -> None:
        self.keys.append(key)
        self.any.set()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def keeper(platform: ProcessPlatform, told: Told) -> Iterator[Keeper]:
    keeper = Keeper(platform, on_change=told)
    keeper.start()
    yield keeper
    keeper.stop()


def kill(folder: Path) -> None:
    assert LocalLauncher().stop([folder], patience=30) == ()


@pytest.mark.usefixtures("keeper")
def test_a_killed_balancer_is_back_on_its_port(made: ProcessPlatform, place: ClusterPlace) -> None:
    endpoint = str(look(made, SPEC).endpoint)
    http.wait_for(endpoint)
    for _ in range(3):
        kill(place.balancer)
        http.wait_for(endpoint)
    assert look(made, SPEC).endpoint == endpoint
    until(lambda: look(made, SPEC).problem == "", "no problem is left")


@pytest.mark.usefixtures("keeper", "made")
def test_an_instance_that_dies_makes_its_cluster_due(place: ClusterPlace, told: Told) -> None:
    kill(place.instance(1).folder)
    assert told.any.wait(60)
    assert set(told.keys) == {SPEC.key}


def test_what_was_dead_before_is_told_once(made: ProcessPlatform, place: ClusterPlace, told: Told) -> None:
    kill(place.instance(1).folder)
    kill(place.balancer)
    keeper = Keeper(made, on_change=told)
    keeper.start()
    http.wait_for(str(look(made, SPEC).endpoint))
    kill(place.balancer)
    http.wait_for(str(look(made, SPEC).endpoint))
    keeper.stop()
    assert told.keys == [SPEC.key]


@pytest.mark.usefixtures("keeper")
def test_clusters_of_other_workers_are_watched_too(home: Path, told: Told) -> None:
    other = build_platform(home)
    spec = replace(SPEC, user="ann", replicas=1)
    other.claim(spec, 1)
    other.provision(spec, (), 1)
    place = HomePlace.of(home).cluster(spec)
    kill(place.balancer)
    until(lambda: processes.read_process(place.balancer) is not None, "the balancer is back")
    kill(place.instance(0).folder)
    assert told.any.wait(60)
    assert set(told.keys) == {spec.key}


@pytest.mark.usefixtures("keeper")
def test_a_deleted_cluster_gets_no_balancer_back(made: ProcessPlatform, place: ClusterPlace, told: Told) -> None:
    made.mirror(record(replace(SPEC, deleted=True), version=2))
    kill(place.balancer)
    kill(place.instance(0).folder)
    assert told.any.wait(60)  # it has looked
    assert processes.read_process(place.balancer) is None


@pytest.mark.usefixtures("keeper")
def test_a_cluster_that_is_removed_is_let_go(made: ProcessPlatform, place: ClusterPlace) -> None:
    made.remove(SPEC, 1)
    again = replace(SPEC, incarnation="second", replicas=1)
    made.claim(again, 2)
    made.provision(again, (), 2)
    kill(place.balancer)
    until(lambda: processes.read_process(place.balancer) is not None, "the new one's balancer is back")
    assert len(instances(made, again)) == 1
