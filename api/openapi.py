"""What /docs and /openapi.json say of forms and answers, made from the table of operations."""

from dataclasses import dataclass

from api.jobs import CURSOR
from api.once import KEY
from api.operations import NEW_TAG, Field, Operation
from api.schemas import COMPONENTS, Schema, ref, text
from common.errors import CODES
from common.jobs import JobStatus
from common.names import DATABASE, SYSTEM_DATABASES, TAG, TAG_MAX, TAG_MIN, TOKEN, USERNAME

DESCRIPTION = """\
A cluster is a ring of 1 to 10 CouchDB instances, each with all the data, behind one endpoint. Each POST takes a form
with `username` and `token`, and waits for the end of what it began; GET and DELETE take the same two as HTTP Basic.
Only the body counts, never the query string. Every answer but the welcome of an unknown path is the same envelope.
A client has to bear members and words (`code`, states) that it does not know: later versions add some."""


@dataclass(frozen=True, slots=True)
class Described:
    """The parts of an OpenAPI operation that the framework cannot find out by itself."""

    name: str
    tag: str
    summary: str
    responses: dict[int | str, Schema]
    extra: Schema


_MEANINGS = {
    200: "Done",
    202: "The job goes on: Location says where to ask, Retry-After when",
    400: "Bad input: code and error_detail say which rule",
    401: "username and token do not belong together",
    404: "There is none of this name that is yours",
    408: "The form did not come in time",
    409: "It exists already, another job runs, the job has ended, or the awaited one was canceled or superseded",
    413: "The body is longer than 64 KiB",
    422: "The Idempotency-Key came with another request before",
    429: "One too many, of requests, refused logins, clusters, instances or jobs: Retry-After says when to come again",
    500: "A mistake of kanto's own; its log has more",
    502: "The awaited job failed: code and error_detail say why",
    503: "Redis is away or not filled yet: Retry-After says when to try again",
}
_BY_ANYONE = (400, 401, 429, 500, 503)
_BY_FORM = (*_BY_ANYONE, 408, 413)

_WHOLE = f"[a-z0-9][a-z0-9-]{{{TAG_MIN - 2},{TAG_MAX - 2}}}[a-z0-9]"
_LONG = f"[a-z0-9][a-z0-9-]{{{TAG_MAX - 2}}}[a-z0-9][ -~]*"  # it is cut to 12
_DATABASE = rf"\s*(\*|{'|'.join(SYSTEM_DATABASES)}|{DATABASE})\s*"

_NAME: Schema = {"pattern": f"^{USERNAME}$"}
_SECRET: Schema = {"format": "password", "pattern": f"^{TOKEN}$"}

_RULES: dict[str, Schema] = {
    "username": _NAME,
    "token": _SECRET,
    "couchdb_user": _NAME,
    "couchdb_password": _SECRET,
    "replicas": {"type": "integer"},
    "cluster_tag": {"pattern": f"^({TAG}|{_LONG})$"},
    "databases": {"pattern": f"^{_DATABASE}(,{_DATABASE})*$"},
    "job_id": {"minLength": 1},
    "status": {"pattern": f"^({'|'.join(JobStatus)})(,({'|'.join(JobStatus)}))*$"},
    "limit": {"type": "integer", "minimum": 1},
    "cursor": {"pattern": f"^{CURSOR}$"},
    **{name: {"enum": ["0", "1"]} for name in ("async", "force", "drop", "conflicts")},
}
"""What a client can check by itself. Where kanto cuts and clamps, the field's text says so."""

_NEW_TAG: Schema = {"pattern": f"^([ -~]{{0,{TAG_MIN - 1}}}|{_WHOLE}|{_LONG})$"}
"""In create, where one under 4 characters becomes a random one."""

_RETRY_AFTER: Schema = {"description": "seconds", "schema": {"type": "integer", "minimum": 1}, "required": True}
_LOCATION: Schema = {"description": "the job", "schema": {"type": "string"}, "required": True}
_LOGIN: Schema = {"description": "HTTP Basic", "schema": {"type": "string"}, "required": True}
_REPLAYED: Schema = {"description": "true: the answer of the first request with this key", "schema": {"type": "string"}}
_HEADERS: dict[int, Schema] = {
    202: {"Location": _LOCATION, "Retry-After": _RETRY_AFTER},
    401: {"WWW-Authenticate": _LOGIN},
    429: {"Retry-After": _RETRY_AFTER},
    503: {"Retry-After": _RETRY_AFTER},
}


def _answers(success: str, *codes: int, headers: Schema | None = None) -> dict[int | str, Schema]:
    """Each status that is answered; `success` names the shape of 200, and `headers` are its own."""
    shapes = {200: success, 202: "StillRunning"}
    answers: dict[int | str, Schema] = {}
    for code in sorted({200, *codes}):
        answers[code] = {
            "description": _meaning(code),
            "content": {"application/json": {"schema": ref(shapes.get(code, "Error"))}},
        }
        if found := {**_HEADERS.get(code, {}), **((headers or {}) if code == 200 else {})}:
            answers[code]["headers"] = found
    return answers


def _meaning(http: int) -> str:
    """With the codes of this status, which the envelope has as `code`."""
    words = sorted(code for code, status in CODES.items() if status == http and code != "not_ready")
    return f"{_MEANINGS[http]}. code: {', '.join(words)}" if words else _MEANINGS[http]


def form_operation(operation: Operation) -> Described:
    """A form POST."""
    fields = operation.all_fields
    schema: Schema = {
        "type": "object",
        "required": [field.name for field in fields if field.is_needed],
        "properties": {field.name: _field(field) for field in fields},
        "additionalProperties": False,
    }
    codes = {*_BY_FORM}
    extra: Schema = {
        "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}
    }
    headers: Schema = {}
    if operation.makes_job:
        codes |= {202, 409, 422, 502}
        headers = {"Idempotency-Replayed": _REPLAYED}
        extra["parameters"] = [_PREFER, _ONCE]
    if operation.name == "cancel":
        codes |= {409}
    if operation.name not in ("create", "list", "jobs"):
        codes |= {404}
    tag = "jobs" if operation.name in ("job", "jobs", "cancel") else "clusters"
    answers = _answers(operation.answer, *codes, headers=headers)
    return Described(operation.name, tag, operation.text.capitalize(), answers, extra)


def _field(field: Field) -> Schema:
    return text(field.text) | (_NEW_TAG if field is NEW_TAG else _RULES.get(field.name, {}))


def _optional(place: str, name: str, description: str, rule: Schema | None = None) -> Schema:
    """A parameter that may be left out; `place` is header or query."""
    schema = {"type": "string"} | (rule or {})
    return {"name": name, "in": place, "required": False, "schema": schema, "description": description}


_PREFER = _optional(
    "header", "Prefer", "wait=N: wait N seconds, 3600 at most, for the end. respond-async: do not wait (RFC 7240)"
)
_ONCE = _optional(
    "header",
    "Idempotency-Key",
    "1 to 128 printable characters: a request that is repeated with its key is carried out once",
    {"pattern": f"^{KEY}$"},
)
_LAST = _optional("header", "Last-Event-ID", "the id of the last event that was seen: go on behind it")

_JOB: Schema = {"name": "job_id", "in": "path", "required": True, "schema": {"type": "string"}}
_BASIC: Schema = {"security": [{"basic": []}]}


def job_operation() -> Described:
    return Described(
        "get_job",
        "jobs",
        "A job: how far it is, or how it ended",
        _answers("JobAnswer", *_BY_ANYONE, 404),
        {"parameters": [_JOB], **_BASIC},
    )


def jobs_operation(listing: Operation) -> Described:
    parameters = [_optional("query", field.name, field.text, _RULES.get(field.name)) for field in listing.fields]
    return Described(
        "get_jobs",
        "jobs",
        "Your jobs, newest first",
        _answers(listing.answer, *_BY_ANYONE),
        {"parameters": parameters, **_BASIC},
    )


def events_operation() -> Described:
    responses = _answers("JobAnswer", *_BY_ANYONE, 404)
    responses[200] = {
        "description": (
            "Server-sent events. `state`: the job as it is, a Job; `change` for each change, a JobChange; `end`, a "
            "Job, after which the stream ends. The data are JSON, and the id is the number of the change. "
            "A comment every 15 seconds shows that the connection lives"
        ),
        "content": {"text/event-stream": {}},
    }
    responses[204] = {"description": "The job has ended, and Last-Event-ID is its last change"}
    return Described(
        "get_job_events",
        "jobs",
        "The changes of a job as they come",
        responses,
        {"parameters": [_JOB, _LAST], **_BASIC},
    )


def cancel_operation() -> Described:
    return Described(
        "delete_job",
        "jobs",
        "Cancel a job: the cluster goes back to what it was",
        _answers("CanceledAnswer", *_BY_ANYONE, 404, 409),
        {"parameters": [_JOB], **_BASIC},
    )


def health_operation() -> Described:
    return Described("health", "system", "Whether this process lives", _answers("Done"), {})


def readiness_operation() -> Described:
    responses = _answers("ReadyAnswer", 503)
    responses[503] = {
        "description": "Jobs wait: error_detail says for what. code: not_ready",
        "content": {"application/json": {"schema": ref("NotReady")}},
        "headers": {"Retry-After": _RETRY_AFTER},
    }
    return Described("readiness", "system", "Whether Redis answers and a worker works", responses, {})


def completed(document: Schema) -> Schema:
    """The framework's document with the shapes that it points to, and how to log in."""
    document["components"] = {
        "schemas": COMPONENTS,
        "securitySchemes": {
            "basic": {"type": "http", "scheme": "basic", "description": "username and token, as in the forms"}
        },
    }
    return document
