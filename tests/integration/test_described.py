"""Schemathesis asks a running api whatever /openapi.json allows and forbids; each answer has to be one it describes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from tests.api import described
from tests.integration.test_api_process import ME, PATIENCE, TOKEN, Api, running, working
from tests.servers import RedisServer

EXAMPLES = 20
"""For each operation and mode: for all of them less than a minute on a quiet machine."""

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.missing_required_header,
    checks.unsupported_method,
    checks.ignored_auth,
]
"""All but those that take every bad value for an error: kanto clamps replicas and cuts tags, as it did in 2016."""

TAGS = ("my-test-db1", "other")

DONE = {200, 202, 204, 409}
"""409: the job that there is has ended, so a cancel gets no further."""


def operations() -> Iterator[tuple[str, Any]]:
    for found in schemathesis.openapi.from_dict(described.document()).get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        yield operation.definition.raw["operationId"], operation


OPERATIONS = dict(operations())


@dataclass(frozen=True)
class Target:
    """An api with a worker behind it, and a job that has ended."""

    api: Api
    job: str


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("described")
    server = RedisServer(folder / "redis", fsync="everysec")
    server.start()
    with pytest.MonkeyPatch.context() as settings:
        for limit in ("USER_REQUESTS", "ADDRESS_REQUESTS", "REFUSED_LOGINS", "REFUSED_ADDRESS"):
            settings.setenv(f"KANTO_LIMIT_{limit}", "off")
        with running(server.url, folder) as api, working(server.url):
            answer = api.post("create", {**ME, "cluster_tag": TAGS[0], "replicas": "2"})
            assert answer.status_code == 200, answer.text
            yield Target(api, api.post("jobs", ME).json()["result"]["jobs"][0]["id"])
    server.kill()


def known(case: Any, job: str, draw: Any) -> None:
    """Put the user, clusters and jobs that there are in some of the requests: strangers' are all refused alike."""
    if isinstance(case.body, dict):
        if draw(st.integers(0, 4)):
            case.body.update(ME)
        if "cluster_tag" in case.body and draw(st.booleans()):
            case.body["cluster_tag"] = draw(st.sampled_from(TAGS))
        if "job_id" in case.body and draw(st.integers(0, 4)):
            case.body["job_id"] = job
    if "job_id" in (case.path_parameters or {}) and draw(st.booleans()):
        case.path_parameters["job_id"] = job


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", OPERATIONS)
def test_any_request_is_answered_as_described(target: Target, name: str, mode: GenerationMode) -> None:
    operation = OPERATIONS[name]
    is_basic = operation.definition.raw.get("security") is not None
    if mode is GenerationMode.NEGATIVE and not operation.body and not is_basic:
        pytest.skip("there is nothing to get wrong")
    for tag in TAGS:
        assert target.api.post("create", {**ME, "cluster_tag": tag, "replicas": "2"}).status_code in (200, 409)
    met: set[int] = set()

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=[hypothesis.Phase.generate],  # a failure is told as it was met: making it smaller takes minutes
    )
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def ask(case: Any, data: Any) -> None:
        known(case, target.job, data.draw)
        login: dict[str, Any] = {"auth": (ME["username"], TOKEN)} if is_basic and data.draw(st.integers(0, 4)) else {}
        answer = case.call(base_url=str(target.api.client.base_url), timeout=PATIENCE, **login)
        case.validate_response(answer, checks=CHECKS, transport_kwargs=login)
        described.check(as_httpx(answer))
        met.add(answer.status_code)
        if mode is GenerationMode.POSITIVE and (login or not is_basic):
            assert answer.status_code != 400 or goes_not_together(name, answer), answer.text

    ask()
    # A login's name cannot be drawn: where one is, `password` is refused (tests/e2e/test_password.py has it go well).
    goes_well = mode is GenerationMode.POSITIVE and name != "password"
    assert not goes_well or met & DONE, f"nothing of what was asked went well: {met}"


def goes_not_together(name: str, answer: Any) -> bool:
    """Fields that are good one by one: a drop of `*` or of _users, another name than the cluster's login has."""
    return (name, answer.json()["code"]) in {("unreplicate", "bad_databases"), ("password", "bad_couchdb_user")}


def as_httpx(answer: Any) -> httpx.Response:
    return httpx.Response(
        answer.status_code,
        headers=[(name, value) for name, values in answer.headers.items() for value in values],
        content=answer.content,
        request=httpx.Request(answer.request.method, answer.request.url),
    )


def test_the_api_made_no_mistake(target: Target) -> None:
    """Whatever was asked before, nothing stands in the log as a mistake of kanto's."""
    target.api.post("list", ME)
    said = target.api.log.read_text()
    assert '"event": "request"' in said
    assert not re.search(r"Traceback|by a mistake of kanto", said)
    assert TOKEN not in said
