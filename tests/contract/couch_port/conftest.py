from collections.abc import Iterator

import pytest

from worker.couch.adapter import HttpCouch

from .rings import CREDENTIALS, HttpRing, MemoryRing, Ring
from .servers import Server, is_installed, make_fresh


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    if not is_installed():
        pytest.skip("the stand-in's packages are not installed (dev/couchdb)")
    folder = tmp_path_factory.mktemp("couchdb")
    made = [Server(folder / str(n), CREDENTIALS) for n in range(3)]
    try:
        yield made
    finally:
        for server in made:
            server.close()


@pytest.fixture(scope="session")
def http_couch() -> Iterator[HttpCouch]:
    with HttpCouch() as couch:
        yield couch


@pytest.fixture(params=["memory", "http"])
def ring(request: pytest.FixtureRequest) -> Ring:
    """Three fresh instances, alone with their system databases."""
    if request.param == "memory":
        return MemoryRing()
    servers: list[Server] = request.getfixturevalue("servers")
    make_fresh(servers)
    return HttpRing(servers, request.getfixturevalue("http_couch"))
