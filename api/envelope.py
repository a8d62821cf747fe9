"""The answer of /v0: one JSON object, its members in the original's order, and the HTTP status for it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from starlette.responses import Response

from common.errors import CODES, KantoError, TemporaryError, UserError

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"


@dataclass(frozen=True, slots=True)
class Words:
    """What `status_message` says of one operation: the original's words, with their spelling mended."""

    noun: str
    subject: str = "cluster_tag"

    def done(self, name: str) -> str:
        return f"{self.noun} successful for {self.subject}: {name}"

    def accepted(self, name: str) -> str:
        return f"{self.noun} accepted for {self.subject}: {name}"

    def still_running(self, name: str) -> str:
        return f"{self.noun} still running for {self.subject}: {name}"

    @property
    def failed(self) -> str:
        return f"{self.noun} failed"


UNAUTHORIZED = "Authentication failed"

ENDS_CONNECTION = frozenset({"too_large", "slow_body"})
"""Codes after which a body may still be on its way, which nobody will read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. A `result` of None is left out, as every empty member is; an empty list is kept."""

    http: int
    status: Literal["ok", "error", "unauthorized"]
    message: str
    detail: str = ""
    result: Json = field(default=None, repr=False)
    code: str = ""
    job: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        """Compact JSON. Old scripts cut it by position, so the order is part of the interface."""
        members: list[tuple[str, Json]] = [
            ("status", self.status),
            ("status_message", self.message or None),
            ("error_detail", self.detail or None),
            ("result", self.result),
            ("code", self.code or None),
            ("job", self.job),
        ]
        kept = {name: value for name, value in members if value is not None}
        return json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode()

    def response(self) -> Response:
        return Response(
            self.body(),
            status_code=self.http,
            headers={"Cache-Control": "no-store", **self.headers},
            media_type="application/json",
        )


def ok(message: str, *, result: Json = None) -> Answer:
    return Answer(200, "ok", message, result=result)


def refusal(error: KantoError, words: Words) -> Answer:
    """How an error looks from outside. A code that CODES does not know is ours to mend: 500."""
    http = CODES.get(error.code, 500)
    headers = {"Connection": "close"} if error.code in ENDS_CONNECTION else {}
    if isinstance(error, TemporaryError):
        headers["Retry-After"] = str(max(1, round(error.retry_in)))
    if http == 401:
        headers["WWW-Authenticate"] = 'Basic realm="kanto", charset="UTF-8"'
        return Answer(http, "unauthorized", UNAUTHORIZED, error.detail, code=error.code, headers=headers)
    job = error.job if isinstance(error, UserError) else None
    return Answer(http, "error", words.failed, error.detail, code=error.code, job=job, headers=headers)


def internal(words: Words, request_id: str) -> Answer:
    """What is said of a mistake of ours: nothing but where to find it in the log."""
    detail = f"kanto made a mistake. Its log says more under request {request_id}"
    return Answer(500, "error", words.failed, detail, code="internal")
