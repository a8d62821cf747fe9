"""The images, built once for the run."""

import sys
from collections.abc import Iterator

import pytest

from dev.image import own
from dev.image.build import TARGETS

TAG = "test"


@pytest.fixture(scope="session")
def podman() -> Iterator[own.Podman]:
    engine = own.podman(print)
    engine.build(list(TARGETS), TAG, lambda line: print(line, file=sys.stderr))
    with engine.used():
        yield engine
