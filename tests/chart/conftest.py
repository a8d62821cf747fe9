"""One lab with the shipped images in it; `make test-chart` brings it up."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chart.parts import ARCHIVE, SCHEMAS
from tests.chart.release import Helm, Release
from tests.kubernetes.admin import Admin


@pytest.fixture(scope="session")
def admin() -> Iterator[Admin]:
    made = Admin(Path(os.environ["KUBECONFIG"]))
    yield made
    made.close()


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session", autouse=True)
def images() -> None:
    """The shipped images, where pods find them."""
    subprocess.run(["lab", "load-image", os.environ[ARCHIVE]], check=True, timeout=300, capture_output=True)


@pytest.fixture(scope="session")
def foreign_kinds() -> None:
    """The kinds that the chart may render and that Kubernetes does not have by itself."""
    for file in os.environ[SCHEMAS].split(os.pathsep):
        words = ["kubectl", "apply", "--server-side", "--filename", file]
        subprocess.run(words, check=True, timeout=120, capture_output=True)
    words = ["kubectl", "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]
    subprocess.run(words, check=True, timeout=120, capture_output=True)


@pytest.fixture(scope="module")
def release(admin: Admin, helm: Helm) -> Iterator[Release]:
    """A namespace for a release, which is not installed yet."""
    made = Release(admin, helm, f"chart-{secrets.token_hex(3)}")
    yield made
    made.end()
