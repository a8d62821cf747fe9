"""How a worker and the host of instances speak over a socket: one JSON line each way, values as `common.codec` does.

A value goes with the name of its class, since some calls answer one of two.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from common.cluster import ClusterKey, ClusterSpec, MirrorRecord
from common.codec import decode, encode
from common.errors import KantoError, LeaseLost, OlderCopy, PermanentError, TemporaryError
from worker.core.observed import Instance, Platformed, Unknown
from worker.ports import Credentials

LONGEST_LINE = 16 * 1024 * 1024


class Call(NamedTuple):
    """One method of the Platform port with its arguments, or `changes`."""

    method: str
    arguments: tuple[Any, ...]


_Texts = tuple[str, ...]
_Records = tuple[MirrorRecord, ...]

SIGNATURES: dict[str, tuple[type[Any], ...]] = {
    "observe": (ClusterSpec,),
    "credentials": (ClusterSpec,),
    "claim": (ClusterSpec, int),
    "mirror": (MirrorRecord,),
    "records": (),
    "provision": (ClusterSpec, _Texts, int),
    "serve": (ClusterSpec, _Texts, int),
    "retire": (ClusterSpec, Instance, int),
    "remove": (ClusterSpec, int),
    "changes": (),
}
"""What a host can be asked, and the types of the arguments."""

_RESULTS: dict[str, type[Any]] = {
    "Platformed": Platformed,
    "Unknown": Unknown,
    "Credentials": Credentials,
    "ClusterKey": ClusterKey,
    "records": _Records,
}


def call_line(call: Call) -> bytes:
    return _line({"method": call.method, "arguments": [encode(argument) for argument in call.arguments]})


def read_call(line: bytes) -> Call:
    """PermanentError `bad_record` for a line that no kanto of this version writes."""
    told = _read(line)
    kinds = SIGNATURES.get(str(told.get("method")))
    arguments = told.get("arguments")
    if kinds is None or not isinstance(arguments, list) or len(arguments) != len(kinds):
        raise PermanentError("bad_record", "the host of instances was asked for what it does not know")
    values = (decode(kind, argument) for kind, argument in zip(kinds, arguments, strict=True))
    return Call(str(told["method"]), tuple(values))


def result_line(value: object) -> bytes:
    """`value` is None, a list of records, or one of the classes that are known."""
    if value is None:
        return _line({"kind": None})
    if isinstance(value, Sequence):
        return _line({"kind": "records", "value": encode(tuple(value))})
    return _line({"kind": type(value).__name__, "value": encode(value)})


def error_line(error: KantoError) -> bytes:
    told = {"code": error.code, "message": error.message, "action": error.action}
    match error:
        case LeaseLost():
            told["error"] = "lost"
        case TemporaryError():
            told |= {"error": "temporary", "retry_in": str(error.retry_in)}
        case _:
            told["error"] = "permanent"
    return _line(told)


def read_result(line: bytes) -> Any:
    """The value; raises what the host raised."""
    told = _read(line)
    match told:
        case {"error": "lost", "message": message}:
            raise LeaseLost(message)
        case {"error": "temporary", "code": "older_copy", "message": message}:
            raise OlderCopy(message)
        case {"error": "temporary", "code": code, "message": message, "action": action, "retry_in": retry_in}:
            raise TemporaryError(code, message, action=action, retry_in=float(retry_in))
        case {"error": "permanent", "code": code, "message": message, "action": action}:
            raise PermanentError(code, message, action=action)
        case {"kind": None}:
            return None
        case {"kind": kind, "value": value} if kind in _RESULTS:
            return decode(_RESULTS[kind], value)
        case _:
            raise PermanentError("bad_record", "the host of instances gave an answer that this kanto cannot read")


def _line(told: dict[str, Any]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"


def _read(line: bytes) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError as error:
        raise PermanentError("bad_record", "a line between worker and host of instances was cut off") from error
    return told if isinstance(told, dict) else {}
