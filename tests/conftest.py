"""What every suite may ask for."""

import os
from collections.abc import Iterator

import hypothesis
import pytest

from tests.servers import RedisServer

# Elsewhere each run tries new examples; CI tries the same ones each time, so that it says what a change broke.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")

# All need a lab (dev/kubernetes): two run inside it (make test-kubernetes, test-chart), one makes labs of its own.
collect_ignore = [
    folder
    for folder, variable in (("kubernetes", "KANTO_LAB"), ("chart", "KANTO_TEST_CHART"), ("lab", "KANTO_TEST_LAB"))
    if not os.environ.get(variable)
]

# These need images that were built first, as root (make test-image, make test-compose).
if not os.environ.get("KANTO_TEST_IMAGES"):
    collect_ignore += ["compose", "image"]


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for all tests of a process that do not stop it."""
    server = RedisServer(tmp_path_factory.mktemp("redis"), fsync="everysec")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis_url(shared_redis: RedisServer) -> str:
    """The URL of a Redis server that holds nothing."""
    shared_redis.flush()
    return shared_redis.url


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server of the test's own, to be killed, held still and started again. It keeps all that it answered."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()
