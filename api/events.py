"""GET /v0/jobs/ID/events: the changes of a job as they come, as server-sent events (WHATWG HTML, 9.2).

The first event is `state`, the whole job; then a `change` for each change of its status, step, progress or reasons; and
`end`, the whole job with its result or error, after which the stream ends. A job that has ended has `end` alone.
An event's id is the number of the change, so whoever comes back with it in Last-Event-ID goes on behind it. Where
changes are not kept any more, a `state` takes their place: nobody is told of less without being told so.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

from fastapi.sse import EventSourceResponse, format_sse_event
from starlette.responses import Response

from api.call import Call
from api.envelope import Json
from api.listeners import News
from api.render import job_change, job_detail
from api.show import Found, find_job, no_such_job
from common.errors import StoreUnavailable
from common.jobs import Job
from common.names import is_job_id
from common.store.port import ClusterRecord, JobLog

RETRY = 1000
"""Milliseconds after which a client comes back."""

_NUMBER = re.compile("[0-9]{1,9}")


async def events(call: Call) -> Response:
    """The stream of a job of the caller's own. 204, which ends a client's coming back, for one who has seen the end."""
    service, job_id = call.service, call.request.path_params["job_id"]
    found: Found = await service.threads.run(find_job, call, job_id if is_job_id(job_id) else "")
    await call.prove(found.login)
    if found.job is None:
        raise no_such_job(service.settings)
    seen = last_seen(call.request.headers.get("last-event-id"))
    if found.job.status.is_ended and seen == found.job.revision:
        return Response(status_code=204, headers={"Cache-Control": "no-store"})
    told = Told(seen)
    return EventSourceResponse(
        _stream(call, found.job, told),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def last_seen(header: str | None) -> int | None:
    """The number of the last event that a client saw; None for one that begins, or says what was no event's."""
    return int(header) if header is not None and _NUMBER.fullmatch(header) else None


class Told:
    """What one listener was told of a job, and what is to be told next."""

    def __init__(self, seen: int | None) -> None:
        self._seen = seen
        self.has_ended = False

    @property
    def revision(self) -> int:
        """The number of the last change that was told; 0 before any."""
        return self._seen or 0

    def next(self, log: JobLog, record: ClusterRecord | None) -> list[bytes] | None:
        """The events for it; None if changes in between are missing, which have to be read."""
        fresh = [change for change in log.changes if change.revision > self.revision]
        job = log.job
        if self._seen is None:
            fresh, first = (
                [],
                [event("state", job.revision, job_detail(job, record))] if not job.status.is_ended else [],
            )
        else:
            if job.revision - self.revision != len(fresh):
                return None
            first = []
        self._seen = job.revision
        changes = [event("change", one.revision, job_change(one)) for one in fresh if not one.status.is_ended]
        if not job.status.is_ended:
            return first + changes
        self.has_ended = True
        return first + changes + [event("end", job.revision, job_detail(job, record))]

    def begin_anew(self) -> None:
        """The whole state is told next, since what was in between is not kept."""
        self._seen = None


def event(name: str, number: int, data: Mapping[str, Json]) -> bytes:
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return format_sse_event(data_str=text, event=name, id=str(number))


async def _stream(call: Call, job: Job, told: Told) -> AsyncIterator[bytes]:
    yield format_sse_event(retry=RETRY)
    with call.service.waiters.listeners.listen(job.id) as ear:
        for part in await _catch_up(call, job.id, told):
            yield part
        while not told.has_ended:
            try:
                news = await asyncio.wait_for(ear.get(), call.service.silence)
            except TimeoutError:
                yield format_sse_event(comment="")
                continue
            if news is None:
                return
            for part in await _tell(call, news, told):
                yield part


async def _tell(call: Call, news: News, told: Told) -> list[bytes]:
    if news.log.job.revision <= told.revision and not news.log.job.status.is_ended:
        return []
    parts = told.next(news.log, news.record)
    return parts if parts is not None else await _catch_up(call, news.log.job.id, told)


async def _catch_up(call: Call, job_id: str, told: Told) -> list[bytes]:
    """What is new by the store itself. Nothing while it is away: the reader tells of it when it is back."""
    store = call.service.store

    def read() -> tuple[JobLog | None, ClusterRecord | None]:
        log = store.changes(job_id, after=told.revision)
        return log, store.cluster(log.job.key) if log is not None and log.job.status.is_ended else None

    with suppress(StoreUnavailable):
        log, record = await call.service.threads.run(read)
        if log is None:
            return []
        parts = told.next(log, record)
        if parts is None:
            told.begin_anew()
            parts = told.next(log, record)
        return parts or []
    return []
