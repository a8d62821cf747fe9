"""What an instance holds, in the few facts that tell one set of data from another (hazards H11)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from worker.couch.client import Talk
from worker.couch.documents import database_path
from worker.couch.making import Options, options_of

MOST_KEYS = 100
"""`_dbs_info` takes no more names at once (`[chttpd] max_db_number_for_dbs_info_req`)."""

NOT_DATA = frozenset({"_replicator", "_global_changes"})
"""Databases that each instance has for itself; all others are drained (hazards H15)."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """The uuid of the data, and `instance_start_time` by database: another one means that it was made again.

    `documents`: how many each database has, deleted ones too; only good for telling how far something is. `options`:
    those with which each can be made elsewhere.
    """

    uuid: str
    starts: Mapping[str, str]
    documents: Mapping[str, int] = field(default_factory=dict)
    options: Mapping[str, Options] = field(default_factory=dict)

    @property
    def to_give(self) -> tuple[str, ...]:
        """The databases that must not be lost."""
        return tuple(sorted(set(self.starts) - NOT_DATA))


def read_holdings(talk: Talk) -> Holdings:
    """All that is there. A database that CouchDB cannot tell of just now raises Unclear: it might be left behind.

    `_dbs_info` says `not_found` whatever went wrong with one (chttpd_misc, `handle_dbs_info_req`), so each of these is
    asked for by itself: gone is only what is not found then either.
    """
    uuid: str = talk.get("/").body["uuid"]
    names: list[str] = sorted(talk.get("/_all_dbs").body)
    starts: dict[str, str] = {}
    documents: dict[str, int] = {}
    options: dict[str, Options] = {}
    for first in range(0, len(names), MOST_KEYS):
        rows = talk.post("/_dbs_info", {"keys": names[first : first + MOST_KEYS]}, accept=(200,)).body
        infos: dict[str, Any] = {row["key"]: row["info"] for row in rows if row.get("info")}
        for name in (row["key"] for row in rows if not row.get("info")):
            answer = talk.get(f"/{database_path(name)}", accept=(200, 404))
            if answer.status == 200:
                infos[name] = answer.body
        starts |= {name: str(info["instance_start_time"]) for name, info in infos.items()}
        documents |= {name: info["doc_count"] + info["doc_del_count"] for name, info in infos.items()}
        options |= {name: options_of(info) for name, info in infos.items()}
    return Holdings(uuid, starts, documents, options)
