"""What users were promised: every acknowledged write, where it may be missing, and by whose fault."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tests.twins.couch.world import Revision, Server


class Write(NamedTuple):
    """A write of one revision to one database."""

    database: str
    revision: Revision

    def __str__(self) -> str:
        return f"{self.database}/{self.revision.doc_id} {self.revision.rev}"


class Ledger:
    """`promised` must be on every survivor. What is taken off it is counted by why it may be gone."""

    def __init__(self) -> None:
        self.promised: dict[Write, None] = {}
        self.destroyed: dict[str, list[Write]] = {}
        self.counts: dict[str, int] = {"acknowledged": 0}
        self._needed: dict[str, tuple[Write, ...]] = {}
        self._holed: set[str] = set()

    def acknowledge(self, write: Write) -> None:
        self.promised[write] = None
        self.count("acknowledged")

    def count(self, what: str, times: int = 1) -> None:
        self.counts[what] = self.counts.get(what, 0) + times

    def only_on(self, server: Server, others: Iterable[Server]) -> list[Write]:
        """What is promised and would be gone with this server."""
        elsewhere = list(others)
        return [
            write for write in promised_on(server, self.promised) if not any(holds(other, write) for other in elsewhere)
        ]

    def forgive(self, writes: Iterable[Write], why: str) -> None:
        for write in writes:
            if self.promised.pop(write, write) is None:
                self.count(why)

    def destroy(self, uuid: str, writes: list[Write]) -> None:
        """A fault of the platform took these: status has to tell of this data."""
        self.forgive(writes, "destroyed by the platform")
        if writes:
            self.destroyed.setdefault(uuid, []).extend(writes)

    def forget_database(self, database: str, why: str) -> None:
        self.forgive([write for write in self.promised if write.database == database], why)

    def came(self, uuid: str, serving: Iterable[Server]) -> None:
        """A new instance: before it serves, it has what all those that serve have now."""
        others = list(serving)
        common = (w for w in self.promised if others and all(holds(other, w) for other in others))
        self._needed[uuid] = tuple(write for write in common if write.database not in self._holed)

    def need_no_more(self, database: str) -> None:
        """A user has deleted this database somewhere: who is filled from there gets what is there."""
        self._holed.add(database)
        for uuid, needed in self._needed.items():
            self._needed[uuid] = tuple(write for write in needed if write.database != database)

    def need_nothing(self) -> None:
        """All data were lost at once: whoever is there serves."""
        self._needed.clear()

    def lacks(self, server: Server, databases: Iterable[str]) -> list[Write]:
        """What this server needs before it serves and has not."""
        saved = set(databases)
        needed = self._needed.get(server.uuid, ())
        return [w for w in needed if w in self.promised and w.database in saved and not holds(server, w)]


def promised_on(server: Server, promised: Mapping[Write, None]) -> Iterable[Write]:
    for name, database in server.databases.items():
        for revision in database.revisions:
            write = Write(name, revision)
            if write in promised:
                yield write


def holds(server: Server, write: Write) -> bool:
    database = server.databases.get(write.database)
    return database is not None and write.revision in database.revisions
