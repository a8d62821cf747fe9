"""Form bodies, read by our own rules: the framework keeps the last of two fields, takes any bytes, knows no limit."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect, Request

from common.errors import UserError

BODY_LIMIT = 64 * 1024
"""Bytes of a body that is read as a form."""

DRAIN_LIMIT = 8 * 1024 * 1024
"""Bytes of a longer body that are taken in and thrown away, so that its sender gets to read the answer."""

HOW = 'Send a form, as `curl -d "username=...&token=..."` does'

_FORM = "application/x-www-form-urlencoded"


class Form(Mapping[str, str]):
    """The fields of a form that are not empty, each given once. Its repr keeps their values to itself."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = {name: value for name, value in fields.items() if value}

    def __getitem__(self, name: str) -> str:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"Form of {len(self)} fields"


def query_form(items: Iterable[tuple[str, str]]) -> Form:
    """The fields of a query string, as of a form: each given once. No secret belongs there, and none is read there."""
    fields: dict[str, str] = {}
    for name, value in items:
        if name in fields:
            raise _twice(name)
        fields[name] = value
    return Form(fields)


async def read_form(request: Request, *, within: float) -> Form:
    """The form of a request; UserError for a body that is none, is too large or does not come `within` seconds."""
    try:
        async with asyncio.timeout(within):
            body = await _read_body(request)
    except TimeoutError as error:
        raise UserError("slow_body", f"the form did not come within {within:g} seconds", action=HOW) from error
    except ClientDisconnect as error:
        raise UserError("bad_form", "the connection ended before the form did", action=HOW) from error
    return parse_form(body, content_type=request.headers.get("content-type", ""))


async def _read_body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and len(declared) > 18:
        raise _too_large()
    too_large = declared.isdecimal() and int(declared) > BODY_LIMIT
    if too_large and request.headers.get("expect", "").lower() == "100-continue":
        raise _too_large()  # the sender asked first, and sends nothing after this
    body = bytearray()
    seen = 0
    async for piece in request.stream():
        seen += len(piece)
        if seen > DRAIN_LIMIT:
            break
        if seen <= BODY_LIMIT:
            body += piece
    if too_large or seen > BODY_LIMIT:
        raise _too_large()
    return bytes(body)


def _too_large() -> UserError:
    return UserError("too_large", f"the body is longer than {BODY_LIMIT // 1024} KiB", action="Send less, or in parts")


def parse_form(body: bytes, *, content_type: str) -> Form:
    """The fields by name, without the empty ones; UserError `bad_form`, `bad_encoding` or `duplicate_field`.

    Pairs are cut at `&` and `=`, `+` is a space and `%XX` a byte (WHATWG URL, 5.1), and all bytes together are UTF-8.
    """
    _check_content_type(content_type)
    if body.lstrip()[:1] in (b"{", b"[", b"<"):
        raise UserError("bad_form", "the body looks like JSON or XML", action=HOW)
    fields: dict[str, str] = {}
    for pair in body.strip(b"\r\n").split(b"&"):
        if not pair:
            continue
        name, equals, value = pair.partition(b"=")
        if not equals or not name:
            raise UserError("bad_form", "the body has a part that is not name=value", action=HOW)
        key = _decode(name)
        if key in fields:
            raise _twice(key)
        fields[key] = _decode(value)
    return Form(fields)


def _check_content_type(content_type: str) -> None:
    kind, _, parameters = content_type.partition(";")
    kind = kind.strip().lower()
    if kind == "multipart/form-data":
        raise UserError("bad_form", "multipart forms are not read here", action=f"{HOW} (-d in place of -F)")
    if kind not in ("", _FORM):
        raise UserError("bad_form", f"the content type of the body is not {_FORM}", action=HOW)
    charset = parameters.lower().replace('"', "").replace(" ", "")
    if "charset=" in charset and "charset=utf-8" not in charset and "charset=us-ascii" not in charset:
        raise UserError("bad_encoding", "the charset of the body is not UTF-8", action="Send UTF-8")


def _decode(part: bytes) -> str:
    try:
        return unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        # The cause is not kept: it carries the bytes, which may be a token.
        raise UserError("bad_encoding", "the body is not UTF-8", action="Send UTF-8") from None


_OURS = frozenset(
    {"username", "token", "cluster_tag", "replicas", "databases", "job_id", "async", "force", "drop", "conflicts"}
    | {"status", "limit", "cursor", "couchdb_user", "couchdb_password"}
)


def _twice(name: str) -> UserError:
    which = name if name in _OURS else "a field"  # an unknown name may be a token that lost its place
    return UserError("duplicate_field", f"{which} is given more than once", action="Give each field once")
