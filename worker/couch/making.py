"""Makes a database as another instance has it: what was chosen when that one was made is not replicated."""

from collections.abc import Mapping
from typing import Any

from worker.couch.client import Talk
from worker.couch.documents import database_path
from worker.couch.errors import Away, Refused, Unclear

Options = Mapping[str, str]
"""Of the request that makes a database, in its query."""

AS_USUAL: Options = {}


def options_of(info: Mapping[str, Any]) -> Options:
    """Those that make a database like the one that `GET /db` tells of: its shards, and whether it is partitioned."""
    shards = info.get("cluster", {}).get("q")
    partitioned = info.get("props", {}).get("partitioned")
    return ({"q": str(shards)} if shards else {}) | ({"partitioned": "true"} if partitioned else {})


def make(talk: Talk, database: str, options: Options = AS_USUAL) -> None:
    """It exists afterwards; one that did already is left as it is."""
    talk.put(f"/{database_path(database)}", params=options, accept=(201, 202, 412))


def make_like(talk: Talk, database: str, other: Talk) -> None:
    """As `make`, with the options that it has on the other instance, if that one can tell them.

    One that does not answer any more leaves it to the next look, and is no fault of the instance that lacks it.
    """
    try:
        found = other.get(f"/{database_path(database)}", accept=(200, 404, 500))
    except (Away, Unclear, Refused):
        return
    make(talk, database, options_of(found.body) if found.status == 200 else AS_USUAL)
