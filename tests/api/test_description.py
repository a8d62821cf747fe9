"""/openapi.json says all there is: paths, fields, codes, shapes. That answers keep to it is looked at in every test."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis

from api.operations import OPERATIONS
from common.errors import CODES, JOB_ERRORS, REASONS
from tests.api import described
from tests.api.world import TAG, world

pytestmark = pytest.mark.anyio

GETS = {
    ("get", "/v0/jobs"): "get_jobs",
    ("get", "/v0/jobs/{job_id}"): "get_job",
    ("delete", "/v0/jobs/{job_id}"): "delete_job",
    ("get", "/v0/jobs/{job_id}/events"): "get_job_events",
    ("get", "/healthz"): "health",
    ("get", "/readyz"): "readiness",
}


def described_operations() -> Iterator[tuple[str, str, Any]]:
    for path, methods in described.document()["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_the_document_is_valid() -> None:
    schemathesis.openapi.from_dict(described.document()).validate()


def test_every_operation_is_there_by_a_name_of_its_own() -> None:
    found = {(method, path): operation["operationId"] for method, path, operation in described_operations()}
    assert found == {**{("post", one.path): one.name for one in OPERATIONS}, **GETS}
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_every_field_of_a_form_is_there_with_its_rule(operation: Any) -> None:
    body = described.document()["paths"][operation.path]["post"]["requestBody"]
    form = body["content"]["application/x-www-form-urlencoded"]["schema"]
    assert form["required"] == [field.name for field in operation.all_fields if field.is_needed]
    assert list(form["properties"]) == [field.name for field in operation.all_fields]
    for name, rule in form["properties"].items():
        assert rule["description"], name
        assert rule["type"] in ("string", "integer"), name


def test_every_code_is_there_with_its_status() -> None:
    texts: dict[int, str] = {}
    for _, _, operation in described_operations():
        for status, answer in operation["responses"].items():
            texts[int(status)] = texts.get(int(status), "") + answer["description"]
    elsewhere = {"wrong_method"}  # of another method than those that are described
    missing = [code for code, status in CODES.items() if code not in elsewhere and code not in texts[status]]
    assert missing == []
    shapes = described.document()["components"]["schemas"]
    assert set(shapes["Error"]["properties"]["code"]["x-extensible-enum"]) == set(CODES)
    assert set(shapes["JobError"]["properties"]["code"]["x-extensible-enum"]) == JOB_ERRORS
    assert set(shapes["Reason"]["properties"]["code"]["x-extensible-enum"]) == REASONS


def test_every_member_says_what_it_is_and_what_it_needs() -> None:
    for name, shape in described.document()["components"]["schemas"].items():
        assert shape["type"] == "object", name
        assert set(shape["required"]) <= set(shape["properties"]), name


def test_every_reference_leads_somewhere() -> None:
    shapes = described.document()["components"]["schemas"]
    assert set(references(described.document())) == {
        f"#/components/schemas/{name}" for name in {*shapes} - {"JobChange"}
    }


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict) and "$ref" in node:
        yield node["$ref"]
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from references(child)


def test_whoever_gives_token_in_a_form_needs_no_basic_and_the_reverse() -> None:
    for method, path, operation in described_operations():
        needs_basic = path.startswith("/v0/jobs") and method != "post"
        assert (operation.get("security") == [{"basic": []}]) is needs_basic, (method, path)


async def test_an_answer_with_a_member_that_is_not_described_is_found() -> None:
    async with world() as here:
        await here.create()
        answer = await here.post("detail", cluster_tag=TAG)
        answer._content = answer.content.replace(b'"Spawner":', b'"Surprise":1,"Spawner":')
        with pytest.raises(AssertionError, match="Surprise"):
            described.check(answer)


async def test_an_answer_with_a_code_of_no_table_is_found() -> None:
    async with world() as here:
        answer = await here.post("create", replicas="many")
        answer._content = answer.content.replace(b"bad_replicas", b"bad_hair_day")
        with pytest.raises(AssertionError, match="bad_hair_day"):
            described.check(answer)
