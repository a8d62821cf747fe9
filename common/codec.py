"""Plain data to JSON text and back, with a schema number so that an unknown newer record is refused, not misread."""

import contextlib
import json
import re
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from common.errors import NewerVersion, PermanentError

SCHEMA = 1
"""Raised by one when an older kanto must not touch what this one writes (docs/architecture.md, side by side)."""

T = TypeVar("T")

_JSON = json.JSONEncoder(separators=(",", ":"), sort_keys=True)

_END = re.compile(r',"schema":([0-9]+)}\Z')
"""How each text ends: scripts/prelude.lua looks at this too."""

_BEGIN = '{"data":'
"""How each text begins. What lies between the two is read without a detour over Python's own lists and dicts."""

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


ANY = 2**53
"""As `known`: whatever schema."""


def decode(kind: type[T], text: str, *, known: int | None = None) -> T:
    """The value `encode` was given. `known` is the highest schema that may be read: this kanto's own, if not said.

    NewerVersion for a schema that this kanto does not know, PermanentError `bad_record` for what nobody can read.
    """
    highest = SCHEMA if known is None else known
    end = _END.search(text, max(len(text) - 40, 0)) if text.startswith(_BEGIN) else None
    if end is not None and int(end[1]) <= highest:
        with contextlib.suppress(ValidationError):  # looked at again below, which says what is wrong
            read: T = _adapter(kind).validate_json(text[len(_BEGIN) : end.start()], strict=False)
            return read
    try:
        outer = json.loads(text)
        schema = outer["schema"]
        if schema > highest:
            raise NewerVersion(f"a {kind.__name__} record has schema {schema}, this kanto knows {SCHEMA}")
        value: T = _adapter(kind).validate_python(outer["data"], strict=False)
    except ValidationError as error:
        # Its text and its cause would show what the record holds, admin lines included.
        raise PermanentError("bad_record", f"a {kind.__name__} record cannot be read: {_whereabouts(error)}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise PermanentError("bad_record", f"a {kind.__name__} record cannot be read") from error
    return value


def require_known(text: str) -> None:
    """NewerVersion for what `encode` of a newer kanto wrote; the text is not read otherwise."""
    require_schema(schema_of(text))


def schema_of(text: str) -> int:
    """The schema of what `encode` wrote; 0 for any other text."""
    end = _END.search(text[-40:])
    return 0 if end is None else int(end[1])


def require_schema(schema: int) -> None:
    """NewerVersion for one that this kanto does not know."""
    if schema > SCHEMA:
        raise NewerVersion(f"a record has schema {schema}, this kanto knows {SCHEMA}")


def _whereabouts(error: ValidationError) -> str:
    parts = error.errors(include_url=False, include_context=False, include_input=False)
    return ", ".join(f"{'.'.join(map(str, part['loc']))} ({part['type']})" for part in parts)
