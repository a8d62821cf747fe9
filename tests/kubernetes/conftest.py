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
from tests.kubernetes.lab import FAILED, note
from tests.kubernetes.place import Rules, made_place
from tests.kubernetes.service import SPAWNERS, Service

MakeService = Callable[..., Service]


FIRST = ("test_life.py", "test_hazards.py", "test_pods.py", "test_tenants.py")
"""What takes longest begins first where tests run side by side."""

BY_SPAWNER = ("test_life.py", "test_pods.py", "test_manifests.py")
"""Nothing is shared by the tests of two spawners there."""

BY_TEST = ("test_settings.py", "test_stuck.py")
"""Nothing is shared by any two tests there."""

_before = len(measured())


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What this run measured, whichever of its processes did."""
    lines = measured()[_before:]
    if lines and not hasattr(terminalreporter.config, "workerinput"):
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.line(line)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """In the process that hears of all of them."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        note(FAILED, report.nodeid.partition("::")[0])


@pytest.fixture(scope="session")
def admin() -> Iterator[Admin]:
    made = Admin(Path(os.environ["KUBECONFIG"]))
    yield made
    made.close()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The look back comes last."""
    items.sort(key=_place_in_line)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests that share a service or a cluster stay in one process.

    Marked groups would do, but under pytest 9.2 they do not reach xdist 3.8, which writes them into private names.
    """
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class Sharing(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return Sharing(config, log)


def _place_in_line(item: pytest.Item) -> int:
    if item.path.name == "test_rights.py":
        return len(FIRST) + 1
    return FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST)


def group(nodeid: str) -> str:
    """Who shares its group shares its process."""
    path = Path(nodeid.partition("::")[0])
    if path.parent.name != Path(__file__).parent.name or path.name in BY_TEST:
        return nodeid
    spawner = next((name for name in SPAWNERS if f"[{name}" in nodeid), "")
    return f"{path.stem}-{spawner}" if path.name in BY_SPAWNER else path.stem


@pytest.fixture(scope="module")
def make_service(admin: Admin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeService]:
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
            service = Service(folder, place, spawners=spawners, workers=workers, settings=settings)
            stack.callback(service.end)
            service.start()
            return service

        yield make


@pytest.fixture(scope="module")
def service(make_service: MakeService, request: pytest.FixtureRequest) -> Service:
    """One kanto for all tests of a module that leave it as they found it, with an api for each spawner."""
    return make_service(request.module.__name__.rpartition("test_")[2], spawners=SPAWNERS)
