"""The suite runs once for each host."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.platform.hosts import HOSTS, Host
from worker.ports import Platform


@pytest.fixture(params=sorted(HOSTS))
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    with HOSTS[request.param](tmp_path / "home") as made:
        yield made


@pytest.fixture
def platform(host: Host) -> Platform:
    return host.platform()
