"""kanto's documents in `_replicator`: how they are named, built and compared. Pure.

Two kinds, told apart by their id, and no other document is ever touched:

    kanto:<database>:<target>         continuous, on the source, one database over one link
    kanto-drain:<database>:<source>   one-shot, on the receiver, which pulls (hazards H13)

Neither database names nor instance names can hold a colon, so an id has one reading.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from worker.core.observed import Instance
from worker.ports import Credentials

Document = dict[str, Any]

RING = "kanto:"
DRAIN = "kanto-drain:"

FIRST_ID = DRAIN
LAST_ID = RING + "\ufff0"
"""All ids of both kinds lie between these two, in CouchDB's order of ids (`-` comes before `:`)."""

USUAL_RETRIES = 5
KICKED_RETRIES = 6
"""`retries_per_request`, the option that a kick changes.

CouchDB starts a replication at once when a real option changes; the replication id does not contain this one, so the
checkpoint stays (measured on 3.5.0).
"""

_TUNING = "retries_per_request"
_WRITTEN_BY_THE_SERVER = "owner"
_APART = frozenset({_TUNING, _WRITTEN_BY_THE_SERVER, "_id", "_rev"})


def replication_id(database: str, target: str) -> str:
    return f"{RING}{database}:{target}"


def fill_id(database: str, source: str) -> str:
    return f"{DRAIN}{database}:{source}"


def parse_replication_id(doc_id: str) -> tuple[str, str] | None:
    """The database and the target's name; None for an id that is not kanto's."""
    return _parse(doc_id, RING)


def parse_fill_id(doc_id: str) -> tuple[str, str] | None:
    """The database and the source's name; None for an id that is not kanto's."""
    return _parse(doc_id, DRAIN)


def _parse(doc_id: str, prefix: str) -> tuple[str, str] | None:
    if not doc_id.startswith(prefix):
        return None
    database, _, peer = doc_id.removeprefix(prefix).partition(":")
    return (database, peer) if database and peer and ":" not in peer else None


@lru_cache(maxsize=1024)
def database_path(database: str) -> str:
    """A database as one segment of a URL's path: `/` and `+` in names are quoted."""
    return quote(database, safe="")


def build_replication(
    database: str, source: Instance, target: Instance, credentials: Credentials, retries: int = USUAL_RETRIES
) -> Document:
    """The continuous document on `source`.

    Its extra header gives it a replication id of its own, so that a user's document for the same link is not in its
    way (hazards H14).
    """
    return {
        "_id": replication_id(database, target.name),
        "source": _endpoint(source.loopback or source.address, database, credentials, mark="ring"),
        "target": _endpoint(target.address, database, credentials),
        "continuous": True,
        _TUNING: retries,
    }


def build_fill(
    database: str, source: Instance, receiver: Instance, credentials: Credentials, *, again: bool = False
) -> Document:
    """The one-shot document on `receiver` that pulls `database` from `source`.

    `again`: everything is offered from the first change on, also what was refused before. A replication passes over
    that for good, with its checkpoint; so this is another replication, by its header, that never writes one.
    (`use_checkpoints: false` alone goes on from the checkpoint that there is.)
    """
    document: Document = {
        "_id": fill_id(database, source.name),
        "source": _endpoint(source.address, database, credentials, mark="again" if again else "drain"),
        "target": _endpoint(receiver.loopback or receiver.address, database, credentials),
        _TUNING: USUAL_RETRIES,
    }
    return {**document, "use_checkpoints": False} if again else document


def build_pull(
    database: str, source: Instance, receiver: Instance, credentials: Credentials, found: Mapping[str, Any] | None
) -> Document:
    """What a drain writes over `found` where something of a fenced source is missing, so that it starts at once.

    Once a pull is complete, what is still missing was refused: then all is offered again.
    """
    is_done = found is not None and found.get("_replication_state") == "completed"
    return kick(build_fill(database, source, receiver, credentials, again=is_done), found)


def _endpoint(address: str, database: str, credentials: Credentials, mark: str | None = None) -> Document:
    endpoint: Document = {
        "url": f"{address.rstrip('/')}/{database_path(database)}",
        "auth": {"basic": {"username": credentials.name, "password": credentials.password}},
    }
    if mark is not None:
        endpoint["headers"] = {"X-Kanto": mark}
    return endpoint


def is_sound(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a document is what kanto would write: equal but for what the server adds and the two tuning values."""
    return found.get(_TUNING) in (USUAL_RETRIES, KICKED_RETRIES) and _substance(found) == _substance(wanted)


def _substance(document: Mapping[str, Any]) -> Document:
    return {key: value for key, value in document.items() if key not in _APART and not key.startswith("_")}


def kick(wanted: Document, found: Mapping[str, Any] | None) -> Document:
    """`wanted`, with the tuning value that `found` does not have, so that writing it starts the replication at once."""
    was_usual = found is not None and found.get(_TUNING) == USUAL_RETRIES
    return {**wanted, _TUNING: KICKED_RETRIES if was_usual else USUAL_RETRIES}


def has_ended(document: Mapping[str, Any]) -> bool:
    """Whether CouchDB wrote a final state into it; such a document does nothing until it is written again."""
    return document.get("_replication_state") in ("completed", "failed")
