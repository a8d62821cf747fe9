"""The images, built once for the run."""

import sys

import pytest

from dev.image import own
from dev.image.build import TARGETS

TAG = "test"


@pytest.fixture(scope="session")
def podman() -> own.Podman:
    engine = own.podman(print)
    engine.build(list(TARGETS), TAG, lambda line: print(line, file=sys.stderr))
    return engine
