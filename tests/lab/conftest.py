"""Labs in folders of their own, which go away with the test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.machine import Lab


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab that is up, for all tests of a module that leave it so."""
    lab = Lab(tmp_path_factory.mktemp("lab") / "lab")
    lab.do("up")
    yield lab
    lab.do("down")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """One that is not up yet."""
    lab = Lab(tmp_path / "lab")
    yield lab
    lab.do("down")
