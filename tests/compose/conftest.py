"""A project of each test's own, taken down with it."""

from collections.abc import Iterator

import pytest

from dev.image import own
from tests.compose.project import Project, images


@pytest.fixture(scope="session")
def podman() -> Iterator[own.Podman]:
    engine = own.podman(print)
    images(engine)
    with engine.used():
        yield engine


@pytest.fixture
def project(podman: own.Podman) -> Iterator[Project]:
    made = Project(podman)
    yield made
    made.end()
