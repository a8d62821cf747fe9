"""Plain data to JSON text and back, with a schema number so that an unknown newer record is refused, not misread."""

import json
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from common.errors import PermanentError

SCHEMA = 1
"""Raised by one when a record changes in a way that an older kanto would misread."""

T = TypeVar("T")

_JSON = json.JSONEncoder(separators=(",", ":"), sort_keys=True)

_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Built once a type: building costs a thousand times what using costs."""
    found = _ADAPTERS.get(kind)
    if found is None:
        found = _ADAPTERS[kind] = TypeAdapter(kind)
    return found


def encode(value: object) -> str:
    """Compact JSON of a dataclass of common or core, deterministic for equal values."""
    data = _adapter(type(value)).dump_python(value, mode="json")
    return _JSON.encode({"schema": SCHEMA, "data": data})


def decode(kind: type[T], text: str) -> T:
    """The value `encode` was given; PermanentError `bad_record` for what this kanto cannot read."""
    try:
        outer = json.loads(text)
        schema = outer["schema"]
        if schema > SCHEMA:
            raise PermanentError(
                "bad_record",
                f"a {kind.__name__} record has schema {schema}, this kanto knows {SCHEMA}",
                action="Run a kanto as new as the one that wrote it",
            )
        value: T = _adapter(kind).validate_python(outer["data"], strict=False)
    except ValidationError as error:
        # Its text and its cause would show what the record holds, admin lines included.
        raise PermanentError("bad_record", f"a {kind.__name__} record cannot be read: {_whereabouts(error)}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise PermanentError("bad_record", f"a {kind.__name__} record cannot be read") from error
    return value


def _whereabouts(error: ValidationError) -> str:
    parts = error.errors(include_url=False, include_context=False, include_input=False)
    return ", ".join(f"{'.'.join(map(str, part['loc']))} ({part['type']})" for part in parts)
