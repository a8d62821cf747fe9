"""A kanto one version on, in this process."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from common import codec


@contextmanager
def newer_kanto() -> Iterator[None]:
    """What is written meanwhile has a schema that the kanto of afterwards does not know."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "SCHEMA", codec.SCHEMA + 1)
        yield
