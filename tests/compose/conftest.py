"""A project of each test's own, taken down with it."""

from collections.abc import Iterator

import pytest

from dev.image.own import Podman
from tests.compose.project import Project
from tests.image.engine import engine


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    with engine() as found:
        yield found


@pytest.fixture
def project(podman: Podman) -> Iterator[Project]:
    made = Project(podman)
    yield made
    made.end()
