"""What /docs and /openapi.json say of forms and answers, made from the table of operations."""

from dataclasses import dataclass
from typing import Any

from api.operations import Operation

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Described:
    """The parts of an OpenAPI operation that the framework cannot find out by itself."""

    summary: str
    responses: dict[int | str, Schema]
    extra: Schema


_ENVELOPE: Schema = {
    "type": "object",
    "required": ["status", "status_message"],
    "properties": {
        "status": {"type": "string", "enum": ["ok", "error", "unauthorized"]},
        "status_message": {"type": "string"},
        "error_detail": {"type": "string", "description": "what was wrong, and what to do"},
        "result": {"description": "a cluster, clusters or a job"},
        "code": {"type": "string", "description": "a stable word, in every answer that is not ok"},
        "job": {"type": "string", "description": "the id of the job that is meant"},
    },
}

_MEANINGS = {
    200: "Done",
    202: "The job goes on: Location says where to ask, Retry-After when",
    400: "Bad input: code and error_detail say which rule",
    401: "username and token do not belong together",
    404: "There is none of this name that is yours",
    405: "Another method is meant",
    408: "The form did not come in time",
    409: "It exists already, another job runs, the job has ended, or the awaited one was canceled or superseded",
    422: "The Idempotency-Key came with another request before",
    413: "The body is longer than 64 KiB",
    429: "One too many, of requests, refused logins, clusters, instances or jobs: Retry-After says when to come again",
    500: "A mistake of kanto's own; its log has more",
    502: "The awaited job failed: code and error_detail say why",
    503: "Redis is away or not filled yet: Retry-After says when to try again",
}
_ALWAYS = (200, 400, 401, 408, 413, 429, 500, 503)


def _responses(*codes: int) -> dict[int | str, Schema]:
    content = {"application/json": {"schema": _ENVELOPE}}
    return {code: {"description": _MEANINGS[code], "content": content} for code in sorted(codes)}


def form_operation(operation: Operation) -> Described:
    """A form POST. The rules of a field are in its text, since they cut and clamp more than they refuse."""
    fields = operation.all_fields
    schema: Schema = {
        "type": "object",
        "required": [field.name for field in fields if field.is_needed],
        "properties": {
            field.name: {
                "type": "string",
                "description": field.text,
                **({"format": "password"} if field.name == "token" else {}),
            }
            for field in fields
        },
    }
    codes = {*_ALWAYS}
    if operation.makes_job:
        codes |= {202, 409, 422, 502}
    if operation.name == "cancel":
        codes |= {409}
    if operation.name not in ("create", "list", "jobs"):
        codes |= {404}
    extra: Schema = {
        "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": schema}}}
    }
    if operation.makes_job:
        extra["parameters"] = [_PREFER, _ONCE]
    return Described(operation.text.capitalize(), _responses(*codes), extra)


def _optional(place: str, name: str, text: str) -> Schema:
    """A parameter that may be left out; `place` is header or query."""
    return {"name": name, "in": place, "required": False, "schema": {"type": "string"}, "description": text}


_PREFER = _optional(
    "header", "Prefer", "wait=N: wait N seconds, 3600 at most, for the end. respond-async: do not wait (RFC 7240)"
)
_ONCE = _optional(
    "header",
    "Idempotency-Key",
    "1 to 128 printable characters: a request that is repeated with its key is carried out once",
)
_LAST = _optional("header", "Last-Event-ID", "the id of the last event that was seen: go on behind it")

_JOB: Schema = {"name": "job_id", "in": "path", "required": True, "schema": {"type": "string"}}


def job_operation() -> Described:
    return Described(
        "A job: how far it is, or how it ended (HTTP Basic with username and token)",
        _responses(200, 400, 401, 404, 429, 500, 503),
        {"parameters": [_JOB]},
    )


def jobs_operation(listing: Operation) -> Described:
    return Described(
        "Your jobs, newest first (HTTP Basic with username and token)",
        _responses(200, 400, 401, 429, 500, 503),
        {"parameters": [_optional("query", field.name, field.text) for field in listing.fields]},
    )


def events_operation() -> Described:
    responses = _responses(200, 400, 401, 404, 429, 500, 503)
    responses[200] = {
        "description": "`state`, then `change` for each change, then `end`: data is JSON, and id the change's number",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
    responses[204] = {"description": "The job has ended, and Last-Event-ID is its last change"}
    return Described(
        "The changes of a job as they come (HTTP Basic with username and token)",
        responses,
        {"parameters": [_JOB, _LAST]},
    )


def cancel_operation() -> Described:
    return Described(
        "Cancel a job: the cluster goes back to what it was (HTTP Basic with username and token)",
        _responses(200, 400, 401, 404, 409, 429, 500, 503),
        {"parameters": [_JOB]},
    )


def system_operation(summary: str) -> Described:
    return Described(summary, _responses(200, 503), {})
