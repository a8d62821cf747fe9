"""A home for processes that ends with the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.homes import SPEC, build_platform, instances, kept_home, until
from worker.platforms.process.layout import ClusterPlace, HomePlace
from worker.platforms.process.platform import ProcessPlatform


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with kept_home(tmp_path / "home") as path:
        yield path


@pytest.fixture
def place(home: Path) -> ClusterPlace:
    return HomePlace.of(home).cluster(SPEC)


@pytest.fixture
def platform(home: Path) -> ProcessPlatform:
    return build_platform(home)


@pytest.fixture
def made(platform: ProcessPlatform) -> ProcessPlatform:
    """A platform with the cluster of SPEC, its three instances up and serving."""
    platform.claim(SPEC, 1)
    platform.provision(SPEC, (), 1)
    platform.serve(SPEC, [i.name for i in instances(platform, SPEC)], 1)
    until(lambda: all(i.phase == "running" for i in instances(platform, SPEC)), "all run")
    return platform
