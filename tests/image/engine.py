"""The tests' own podman with the images that the make targets build before their tests."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dev.image import own
from dev.image.build import TARGETS, ImageError, name_of

TAG = "test"


@contextmanager
def engine() -> Iterator[own.Podman]:
    """pytest ends with status 2 and a sentence where something is missing."""
    try:
        podman = own.podman(print)
    except ImageError as error:
        pytest.exit(str(error), returncode=2)
    if missing := [name_of(target, TAG) for target in TARGETS if not podman.has(name_of(target, TAG))]:
        pytest.exit(f"`make test-image` and `make test-compose` build first: {', '.join(missing)}", returncode=2)
    with podman.used():
        yield podman
