"""The engine, with the images in it."""

from collections.abc import Iterator

import pytest

from dev.image.own import Podman
from tests.image.engine import engine


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    with engine() as found:
        yield found
