"""A project of each test's own, taken down with it. A test that fails tells what its containers said."""

from collections.abc import Generator, Iterator

import pytest

from dev.image.own import Podman
from tests.compose.project import Project
from tests.image.engine import engine


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    with engine() as found:
        yield found


@pytest.fixture
def project(podman: Podman) -> Iterator[Project]:
    made = Project(podman)
    yield made
    made.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """While the containers are still there, which the report's reader is not."""
    report = yield
    project = getattr(item, "funcargs", {}).get("project")
    if report.when == "call" and report.failed and isinstance(project, Project):
        report.sections.append(("compose", project.story()))
    return report
