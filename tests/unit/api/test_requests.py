import random
from collections.abc import MutableMapping
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import structlog
from prometheus_client import CollectorRegistry
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from api.meter import Meter
from api.requests import RequestLog

pytestmark = pytest.mark.anyio


async def fine(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(scope["state"]["request_id"])(scope, receive, send)


async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise RuntimeError("the token was Ty5wvW7LuQ3T")


async def half_broken(scope: Scope, receive: Receive, send: Send) -> None:
    async def send_head(message: MutableMapping[str, Any]) -> None:
        await send({**message, "headers": []})
        raise RuntimeError("cut")

    await PlainTextResponse("x")(scope, receive, send_head)


def client(app: Any) -> httpx.AsyncClient:
    log = RequestLog(app, chance=random.Random(1), clock=lambda: 0.0)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=log, raise_app_exceptions=False), base_url="http://x")


async def test_a_request_gets_an_id() -> None:
    async with client(fine) as caller:
        one, other = await caller.get("/"), await caller.get("/")
        assert one.text == one.headers["x-request-id"] != other.text


async def test_a_plain_id_of_the_callers_is_kept() -> None:
    async with client(fine) as caller:
        assert (await caller.get("/", headers={"X-Request-ID": "script-7.a_b"})).text == "script-7.a_b"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "a\tb", "{}"])
async def test_any_other_is_replaced(given: str) -> None:
    async with client(fine) as caller:
        assert (await caller.get("/", headers={"X-Request-ID": given})).text not in ("", given)


async def test_a_mistake_of_ours_is_an_envelope_without_details() -> None:
    async with client(broken) as caller:
        answer = await caller.get("/")
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert answer.headers["x-request-id"] in answer.json()["error_detail"]
        assert "Ty5wvW7LuQ3T" not in answer.text


async def test_a_begun_answer_is_not_begun_again() -> None:
    async with client(half_broken) as caller:
        answer = await caller.get("/")
        assert answer.status_code == 200


async def test_every_request_is_told_but_for_probes() -> None:
    with structlog.testing.capture_logs() as told:
        async with client(fine) as caller:
            for path in ("/v0/list", "/healthz", "/readyz", "/other"):
                await caller.get(path)
    assert [line["path"] for line in told] == ["/v0/list", "/other"]


async def test_requests_are_measured_by_route_and_known_method() -> None:
    registry = CollectorRegistry()
    log = RequestLog(refusing, chance=random.Random(1), clock=lambda: 0.0, meter=Meter(registry))
    transport = httpx.ASGITransport(app=log)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as caller:
        await caller.get("/v0/jobs/an-id")
        await caller.request("BREW", "/v0/jobs/another-id")
    for method in ("GET", "other"):
        labels = {"path": "/v0/jobs/{job_id}", "method": method, "status": "200"}
        assert registry.get_sample_value("kanto_request_seconds_count", labels) == 1
    assert registry.get_sample_value("kanto_refusals_total", {"code": "no_such_job"}) == 2
    assert registry.get_sample_value("kanto_open_requests") == 0


async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
    """What routing and a refusal leave in a request's scope."""
    scope["route"] = SimpleNamespace(path="/v0/jobs/{job_id}")
    scope["state"]["refused"] = "no_such_job"
    await PlainTextResponse("")(scope, receive, send)
