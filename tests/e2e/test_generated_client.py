"""The life of a cluster, driven by a client that a generator made from /openapi.json and nothing else."""

import importlib
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.operations import OPERATIONS
from tests.e2e.service import Service, wait_until

PACKAGE = "kanto_client"
USER = {"username": "gen", "token": "Ty5wvW7LuQ3T"}
TAG = "generated"

GETS = {"get_job", "get_jobs", "delete_job", "get_job_events", "health", "readiness"}


class Generated:
    """The generated package: its operations and forms by name, and clients with and without HTTP Basic."""

    def __init__(self, url: str, clients: ExitStack) -> None:
        self._modules = {}
        for tag in ("clusters", "jobs", "system"):
            folder = Path(importlib.import_module(f"{PACKAGE}.api.{tag}").__file__ or "").parent
            for file in folder.glob("[a-z]*.py"):
                self._modules[file.stem.rstrip("_")] = importlib.import_module(f"{PACKAGE}.api.{tag}.{file.stem}")
        self.models: Any = importlib.import_module(f"{PACKAGE}.models")
        made: Any = importlib.import_module(PACKAGE)
        basic = b64encode(f"{USER['username']}:{USER['token']}".encode()).decode()
        options = {"base_url": url, "timeout": httpx.Timeout(150), "raise_on_unexpected_status": True}
        self._open = clients.enter_context(made.Client(**options))
        self._known = clients.enter_context(made.AuthenticatedClient(token=basic, prefix="Basic", **options))

    @property
    def names(self) -> set[str]:
        return set(self._modules)

    def post(self, operation: str, *, key: str | None = None, **fields: Any) -> Any:
        """A form, by the generated model of it; the parsed answer, of whatever shape."""
        body = getattr(self.models, f"{operation.capitalize()}Body").from_dict({**USER, **fields})
        more = {} if key is None else {"idempotency_key": key}
        return self._modules[operation].sync_detailed(client=self._open, body=body, **more).parsed

    def result(self, operation: str, **fields: Any) -> Any:
        answer = self.post(operation, **fields)
        assert answer.status == "ok", answer
        return answer.result

    def get(self, operation: str, *arguments: Any, **more: Any) -> Any:
        return self._modules[operation].sync_detailed(*arguments, client=self._known, **more).parsed

    def ask(self, operation: str) -> Any:
        return self._modules[operation].sync_detailed(client=self._open).parsed


@pytest.fixture
def generated(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Generated]:
    document = tmp_path / "openapi.json"
    document.write_bytes(httpx.get(f"{service.url}/openapi.json", timeout=30).content)
    words = [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(document), "--meta", "none"]
    words += ["--output-path", str(tmp_path / PACKAGE), "--fail-on-warning"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # it formats with the ruff that it finds
    made = subprocess.run(
        words, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=120, check=False
    )
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    with ExitStack() as clients:
        yield Generated(service.url, clients)
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def test_the_life_of_a_cluster_by_a_generated_client(generated: Generated) -> None:
    assert generated.names == {operation.name for operation in OPERATIONS} | GETS
    assert generated.ask("health").status == "ok"
    assert generated.ask("readiness").result.workers >= 1

    made = generated.result("create", cluster_tag=TAG, replicas=2, key="first-create")
    assert (made.tag, made.replicas, made.status, made.password) == (TAG, 2, "ready", USER["token"])
    again = generated.result("create", cluster_tag=TAG, replicas=2, key="first-create")
    assert again.endpoint == made.endpoint
    assert_works(made.endpoint)

    refused = generated.post("create", cluster_tag=TAG, replicas=2)
    assert (refused.status, refused.code) == ("error", "cluster_exists")
    assert generated.post("detail", cluster_tag="not-there").code == "no_such_cluster"

    (line,) = generated.result("list")
    assert (line.tag, line.replicas) == (TAG, 2)

    accepted = generated.post("scale", cluster_tag=TAG, replicas=3, **{"async": "1"})
    job = ended(generated, accepted.job)
    assert (job.kind, job.status, job.progress.done) == ("scale", "succeeded", job.progress.total)
    assert [one.state for one in job.result.instances] == ["serving"] * 3
    assert generated.get("get_job_events", job.id) is None, "a stream is no shape, and is taken all the same"

    more = generated.result("replicate", cluster_tag=TAG, databases="orders,customers")
    assert more.databases == ["_users", "customers", "orders", "test"]
    detail = generated.result("detail", cluster_tag=TAG, conflicts="1")
    assert (len(detail.instances), len(detail.links), detail.reasons) == (3, 3, [])
    assert {one.database for one in detail.links[0].replications} == set(more.databases)
    assert {count.documents for count in detail.conflicts.databases} == {0}
    fewer = generated.result("unreplicate", cluster_tag=TAG, databases="customers", drop="1")
    assert fewer.databases == ["_users", "orders", "test"]

    late = generated.post("cancel", job_id=job.id)
    assert (late.code, late.job) == ("job_ended", job.id)
    assert generated.get("delete_job", job.id).code == "job_ended"
    assert generated.result("job", job_id=job.id).ended_at == job.ended_at

    first = generated.result("jobs", limit=2)
    rest = generated.get("get_jobs", cursor=first.next_, limit=10).result
    assert [one.kind for one in [*first.jobs, *rest.jobs]] == ["unreplicate", "replicate", "scale", "create"]
    assert rest.next_ is None

    assert generated.post("delete", cluster_tag=TAG).status == "ok"
    assert generated.result("list") == []


def ended(generated: Generated, job_id: str) -> Any:
    def look() -> Any:
        job = generated.get("get_job", job_id).result
        return job if job.done else None

    return wait_until("the job to end", look)


def assert_works(endpoint: str) -> None:
    login = (USER["username"], USER["token"])
    put = httpx.put(f"{endpoint}/test/hello", json={"from": "a generated client"}, auth=login, timeout=30)
    assert put.status_code == 201, put.text
