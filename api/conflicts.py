"""Conflicts of a cluster, counted by a worker because somebody asked: the api never speaks to CouchDB."""

import asyncio
from contextlib import suppress

from api.call import Call
from api.envelope import Json
from api.render import time
from api.service import Waker
from common.cluster import ClusterKey
from common.store.port import Store
from common.view import ConflictCount, Conflicts

WITHIN = 10.0
"""Seconds that detail waits for a count unless the caller waits less, and for which a step may grant the wish."""

YOUNG = 10.0
"""Seconds for which a count is shown to others who ask, so that those who ask all the time keep no worker busy."""

LOOK_AGAIN = 1.0
"""Seconds between two reads of the record, in case an event was lost."""


async def counted(call: Call, key: ClusterKey, *, asked_at: float) -> Json:
    """What was counted since a moment before `asked_at`, the store's time; None if it does not come in time."""
    service, since = call.service, asked_at - YOUNG
    found = await service.threads.run(_read, service.store, key, since)
    if found is None:
        await service.threads.run(_wish, service.store, service.waker, key)
        with suppress(TimeoutError):
            async with asyncio.timeout(min(WITHIN, call.preference().wait)):
                found = await _wait(call, key, asked_at=asked_at, since=since)
    return None if found is None else shown(found)


async def _wait(call: Call, key: ClusterKey, *, asked_at: float, since: float) -> Conflicts | None:
    """The count once it is there; None when the process is about to end."""
    service = call.service
    while True:
        with service.waiters.look(key, since=asked_at) as look:
            found = await service.threads.run(_read, service.store, key, since)
            if found is not None:
                return found
            await asyncio.wait((look,), timeout=LOOK_AGAIN)
            if look.done() and look.result() is None:
                return None


def shown(found: Conflicts) -> dict[str, Json]:
    """`Documents` are all in conflict where `Complete`, else so many at least; null: not looked at."""
    return {
        "CountedAt": time(found.counted_at),
        "Instance": found.instance,
        "Databases": [_database(count) for count in found.counts],
    }


def _database(count: ConflictCount) -> dict[str, Json]:
    return {"Database": count.database, "Documents": count.documents, "Complete": count.is_complete}


def _read(store: Store, key: ClusterKey, since: float) -> Conflicts | None:
    record = store.cluster(key)
    found = None if record is None else record.conflicts
    return found if found is not None and found.counted_at >= since else None


def _wish(store: Store, waker: Waker, key: ClusterKey) -> None:
    store.wake(key, count_within=WITHIN)
    waker.send(key)
