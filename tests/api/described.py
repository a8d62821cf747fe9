"""Whether an answer is what /openapi.json says: its status, its headers and each member of its body, none besides."""

import copy
import random
import time
from functools import cache
from typing import Any

import httpx
import jsonschema_rs
from starlette.routing import Match, Route

from api.app import build_app
from api.service import build_service
from common.settings import Settings
from tests.api.worker import Bell
from tests.twins.store.store import MemoryStore

Schema = dict[str, Any]

EVENTS = {"state": "Job", "change": "JobChange", "end": "Job"}
"""The shape of the data of each server-sent event."""


@cache
def document() -> Schema:
    """What an api says of itself. All say the same."""
    return copy.deepcopy(_app().openapi())


@cache
def _app() -> Any:
    service = build_service(
        MemoryStore(time.time), Bell(), Settings(), chance=random.Random(1), clock=time.monotonic, version="0.0.0"
    )
    return build_app(service, clock=time.monotonic)


def check(answer: httpx.Response) -> None:
    """Fails for what is not described. Paths that are none of the api's are left alone, and so is HEAD."""
    path = _path(answer.request)
    if path is None or answer.request.method == "HEAD":
        return
    method, status = answer.request.method.lower(), str(answer.status_code)
    where = f"{method} {path} {status}"
    if status == "405":
        assert answer.json()["code"] == "wrong_method", where
        return
    responses = document()["paths"][path][method]["responses"]
    assert status in responses, f"{where} is not described"
    described = responses[status]
    for name, header in described.get("headers", {}).items():
        assert name.lower() in answer.headers or not header.get("required"), f"{where} has no {name}"
    content = described.get("content", {})
    kind = answer.headers.get("content-type", "").partition(";")[0]
    assert kind in content or not (kind or content), f"{where} is of type {kind}"
    if schema := content.get(kind, {}).get("schema"):
        problems = [
            f"{error.instance_path} {error.message}" for error in _strict(schema["$ref"]).iter_errors(answer.json())
        ]
        assert not problems, f"{where}: {problems} in {answer.text}"


def check_event(name: str, data: object) -> None:
    """Fails for the data of a server-sent event that are not of the shape that its name promises."""
    _strict(f"#/components/schemas/{EVENTS[name]}").validate(data)


def _path(request: httpx.Request) -> str | None:
    scope = {"type": "http", "path": request.url.path, "method": request.method}
    for route in _app().routes:
        if isinstance(route, Route) and route.path in document()["paths"] and route.matches(scope)[0] is not Match.NONE:
            return route.path
    return None


@cache
def _strict(reference: str) -> Any:
    schema = {"$ref": reference, "components": strict(copy.deepcopy(document()["components"]))}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


def strict(node: Any) -> Any:
    """No other members in an object, and no other words where the document names those it knows."""
    match node:
        case {"x-extensible-enum": words}:
            node["enum"] = words
        case {"type": "object", "properties": _}:
            node["additionalProperties"] = False
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        strict(child)
    return node
