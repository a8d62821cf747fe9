"""A lab is needed for these tests; who has none is not asked for one (`make test-kubernetes` brings it up)."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from common.cluster import Spawner
from tests.kubernetes.admin import Admin
from tests.kubernetes.figures import measured
from tests.kubernetes.place import Place, Rules, made_place
from tests.kubernetes.service import SPAWNERS, Service

MakeService = Callable[..., Service]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if measured:
        terminalreporter.section("measured")
        for line in measured:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def admin() -> Iterator[Admin]:
    made = Admin(Path(os.environ["KUBECONFIG"]))
    yield made
    made.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks back on all other tests comes after them."""
    items.sort(key=lambda item: item.path.name == "test_rights.py")


@pytest.fixture(scope="session")
def places() -> list[Place]:
    """Of all services that were made so far."""
    return []


@pytest.fixture(scope="module")
def make_service(admin: Admin, places: list[Place], tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeService]:
    """Makes and starts services, each in a namespace of its own; all of it is gone after the module."""
    with ExitStack() as stack:

        def make(
            name: str,
            *,
            spawners: tuple[Spawner, ...] = ("statefulset",),
            workers: int = 2,
            rules: Rules | None = None,
            **settings: str,
        ) -> Service:
            folder = tmp_path_factory.mktemp(name)
            place = stack.enter_context(made_place(admin, folder, name, rules=rules))
            places.append(place)
            service = Service(folder, place, spawners=spawners, workers=workers, settings=settings)
            stack.callback(service.end)
            service.start()
            return service

        yield make


@pytest.fixture(scope="module")
def service(make_service: MakeService, request: pytest.FixtureRequest) -> Service:
    """One kanto for all tests of a module that leave it as they found it, with an api for each spawner."""
    return make_service(request.module.__name__.rpartition("test_")[2], spawners=SPAWNERS)
