"""Counts documents in conflict, a page of changes at a time, until the time is up.

A page with all leaf revisions shows which documents have more than one; only these are read, since of a conflict that
was resolved the losing leaves are tombstones (CouchDB docs, Replication and conflict model).
"""

from collections.abc import Iterator, Sequence

from common.errors import KantoError
from common.view import ConflictCount
from worker.couch.client import Talk
from worker.couch.documents import database_path

PAGE = 1_000
READ_AT_ONCE = 20
"""Documents in one request: their bodies come with them."""

MOST_DOCUMENTS = 200_000
"""That one count looks at, in all databases together."""


def count_conflicts(
    talk: Talk, databases: Sequence[str], *, until: float, most: int = MOST_DOCUMENTS
) -> tuple[ConflictCount, ...]:
    """One count for each database; nothing is begun after `until` on the client's clock. What fails is not complete."""
    counts = []
    left = most
    for database in databases:
        counting = Counting(talk, database, until)
        if left > 0:
            left -= counting.run(left)
        counts.append(counting.count)
    return tuple(counts)


class Counting:
    """The count of one database, as far as it is."""

    def __init__(self, talk: Talk, database: str, until: float) -> None:
        self._talk = talk
        self._path = f"/{database_path(database)}"
        self._until = until
        self.count = ConflictCount(database)

    def run(self, most: int) -> int:
        """Go on until all is looked at, or the time or `most` documents are used up; how many were looked at."""
        looked_at = 0
        since = "0"
        try:
            while self._is_time_left and looked_at < most:
                span = {"style": "all_docs", "since": since, "limit": str(min(PAGE, most - looked_at))}
                changes = self._talk.get(f"{self._path}/_changes", params=span).body
                if not self._add([row["id"] for row in changes["results"] if len(row["changes"]) > 1]):
                    break
                looked_at += len(changes["results"])
                since = changes["last_seq"]
                if changes["pending"] == 0:
                    self._set(0, is_complete=True)
                    break
        except (KantoError, LookupError, TypeError, AttributeError):
            pass  # an instance that fails or answers strangely in the middle: what was found until then holds
        return looked_at

    @property
    def _is_time_left(self) -> bool:
        return self._talk.client.monotonic() < self._until

    def _add(self, ids: Sequence[str]) -> bool:
        """Count those of these that are in conflict; False if the time was not enough for all."""
        self._set(0)
        for some in batches(ids):
            if not self._is_time_left:
                return False
            answer = self._talk.post(
                f"{self._path}/_all_docs?include_docs=true&conflicts=true", {"keys": some}, accept=(200,)
            )
            self._set(sum(1 for row in answer.body["rows"] if (row.get("doc") or {}).get("_conflicts")))
        return True

    def _set(self, more: int, *, is_complete: bool = False) -> None:
        self.count = ConflictCount(self.count.database, (self.count.documents or 0) + more, is_complete)


def batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(ids), READ_AT_ONCE):
        yield ids[first : first + READ_AT_ONCE]
