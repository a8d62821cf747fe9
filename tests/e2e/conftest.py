"""One `kanto run` for the tests that leave it as they found it, and a maker of others."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.service import Service

MakeService = Callable[..., Service]


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("kanto") / "home", range(21000, 23000))
    made.start()
    yield made
    made.end()


@pytest.fixture
def make_service(tmp_path: Path) -> Iterator[MakeService]:
    """Makes and starts services in homes of their own; all are ended with the test."""
    made: list[Service] = []

    def make(name: str = "home", ports: range = range(23000, 25000), **settings: str) -> Service:
        one = Service(tmp_path / name, ports, settings)
        made.append(one)
        one.start()
        return one

    yield make
    for one in made:
        one.end()
