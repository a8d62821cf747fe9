"""The application: routes made from the table of operations, and what is said on any other way."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from api import docs, openapi
from api.basic import basic_caller
from api.call import Call
from api.cancel import CANCEL_WORDS, cancel_job
from api.envelope import Answer, Words, internal, refusal
from api.events import events
from api.fields import caller
from api.forms import query_form, read_form
from api.jobs import list_jobs
from api.meter import Meter
from api.operations import OPERATIONS, Operation
from api.requests import REFUSED, RequestLog
from api.service import Service
from api.show import show_job
from api.system import health, readiness
from api.welcome import welcome
from common import log
from common.errors import KantoError, UserError

FORM_WITHIN = 30.0
"""Seconds in which a form has to arrive."""

EVENTS_WORDS = Words("couchdb job events", "job")
JOB_WORDS = Words("couchdb job detail", "job")
OTHER_WORDS = Words("request")

Endpoint = Callable[[Request], Awaitable[Response]]


class DescribedApi(FastAPI):
    """The framework's application, whose description of itself has our shapes in it."""

    def openapi(self) -> dict[str, Any]:
        """The document of /openapi.json."""
        return openapi.completed(super().openapi())


def build_app(service: Service, *, clock: Callable[[], float], meter: Meter | None = None) -> FastAPI:
    """The application over a service, whose waiters it starts and stops. `clock` is monotonic."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        service.waiters.start()
        try:
            yield
        finally:
            await service.waiters.stop()
            service.close()

    app = DescribedApi(
        title="kanto",
        version=service.version,
        summary="Rings of independent CouchDB instances behind one endpoint",
        description=openapi.DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    for operation in OPERATIONS:
        _add(app, operation.path, "POST", _form_endpoint(service, operation), openapi.form_operation(operation))
    _add_jobs(app, service)
    _add_system(app, service)
    app.add_middleware(RequestLog, chance=service.chance, clock=clock, meter=meter)
    return app


def _add_jobs(app: FastAPI, service: Service) -> None:
    listing = next(operation for operation in OPERATIONS if operation.name == "jobs")
    one, stream = "/v0/jobs/{job_id}", "/v0/jobs/{job_id}/events"
    _add(app, listing.path, "GET", _basic_endpoint(service, listing.words, list_jobs), openapi.jobs_operation(listing))
    _add(app, one, "GET", _job_endpoint(service, JOB_WORDS, show_job), openapi.job_operation())
    _add(app, one, "DELETE", _job_endpoint(service, CANCEL_WORDS, cancel_job), openapi.cancel_operation())
    _add(app, stream, "GET", _basic_endpoint(service, EVENTS_WORDS, events), openapi.events_operation())


def _add(app: FastAPI, path: str, method: str, endpoint: Endpoint, described: openapi.Described) -> None:
    app.add_api_route(
        path,
        endpoint,
        methods=[method],
        operation_id=described.name,
        tags=[described.tag],
        summary=described.summary,
        responses=described.responses,
        openapi_extra=described.extra,
        name=path.strip("/").replace("/", "-"),
        response_class=Response,
        response_model=None,
    )


def _form_endpoint(service: Service, operation: Operation) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        async def run() -> Answer:
            form = await read_form(request, within=FORM_WITHIN)
            who = caller(form, query=request.query_params)
            call = Call(service, request, form, who, _request_id(request), operation.words)
            return await operation.run(call)

        return await _answered(request, operation.words, run)

    return endpoint


def _job_endpoint(service: Service, words: Words, act: Callable[[Call, str], Awaitable[Answer]]) -> Endpoint:
    async def act_on_one(call: Call) -> Answer:
        return await act(call, call.request.path_params["job_id"])

    return _basic_endpoint(service, words, act_on_one)


def _basic_endpoint(service: Service, words: Words, act: Callable[[Call], Awaitable[Answer | Response]]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        async def run() -> Answer | Response:
            who = basic_caller(request.headers.get("authorization"))
            form = query_form(request.query_params.multi_items())
            return await act(Call(service, request, form, who, _request_id(request), words))

        return await _answered(request, words, run)

    return endpoint


async def _answered(request: Request, words: Words, run: Callable[[], Awaitable[Answer | Response]]) -> Response:
    """The one place where errors become answers."""
    try:
        answer = await run()
        if isinstance(answer, Response):
            return answer
    except KantoError as error:
        answer = refusal(error, words)
        setattr(request.state, REFUSED, error.code)
        if answer.http >= 500:
            _log.warning("request refused", code=error.code, why=error.message)
    except Exception:
        _log.exception("a request failed by a mistake of kanto's")
        answer = internal(words, _request_id(request))
    return answer.response()


def _add_system(app: FastAPI, service: Service) -> None:
    text = welcome(OPERATIONS, version=service.version)
    by_path = {operation.path: operation for operation in OPERATIONS}

    async def healthz(_request: Request) -> Response:
        return (await health()).response()

    async def readyz(_request: Request) -> Response:
        return (await readiness(service)).response()

    async def not_found(_request: Request, _error: Exception) -> Response:
        return PlainTextResponse(text, status_code=404)

    async def wrong_method(request: Request, _error: Exception) -> Response:
        allow = allowed(app, request.url.path)
        operation = by_path.get(request.url.path)
        how = f"POST a form to {operation.path}" if operation is not None else f"Use {allow}"
        mistake = UserError("wrong_method", f"{request.method} is not for this path", action=how)
        answer = refusal(mistake, operation.words if operation is not None else OTHER_WORDS)
        response = answer.response()
        response.headers["Allow"] = allow
        return response

    async def root(_request: Request) -> Response:
        return PlainTextResponse(text)

    app.add_route("/", root, methods=["GET", "HEAD", "POST"], include_in_schema=False)
    _add(app, "/healthz", "GET", healthz, openapi.health_operation())
    _add(app, "/readyz", "GET", readyz, openapi.readiness_operation())
    for path, look in (("/healthz", healthz), ("/readyz", readyz)):
        app.add_route(path, look, methods=["HEAD"], include_in_schema=False)
    _add_docs(app)
    app.add_exception_handler(404, not_found)
    app.add_exception_handler(405, wrong_method)


def _add_docs(app: FastAPI) -> None:
    looks = {"/docs": docs.page, "/docs/start.js": docs.start, **{f"/docs/{name}": docs.file for name in docs.FILES}}
    for path, look in looks.items():
        app.add_route(path, look, methods=["GET"], include_in_schema=False)


def allowed(app: FastAPI, path: str) -> str:
    """All methods for a path, as the Allow header names them: the framework looks at the first route only."""
    routes = (route for route in app.routes if isinstance(route, Route) and route.path_regex.match(path))
    return ", ".join(sorted({method for route in routes for method in route.methods or ()}))


def _request_id(request: Request) -> str:
    request_id: str = request.state.request_id
    return request_id


_log = log.get("api.app")
