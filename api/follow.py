"""What is answered to a job: how it ended, if it does so while the caller waits, and else where to ask."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from starlette.requests import Request

from api.call import Call
from api.envelope import Answer, Json
from api.prefer import Preference
from api.render import cluster_accepted, job_error
from api.submit import Accepted
from api.waiters import Gone
from common import log
from common.jobs import Job, JobStatus

ASK_AGAIN_AFTER = "1"
"""Seconds, as a header: when to ask again for a job that goes on."""

_log = log.get("api.jobs")

ResultOf: TypeAlias = Callable[[Accepted, Job], Json]
"""What the caller is shown of a job that succeeded."""


async def follow(call: Call, accepted: Accepted, wish: Preference, *, result_of: ResultOf) -> Answer:
    """Wait as long as the caller wishes. A caller who hangs up ends the wait, never the job."""
    _log.info("job accepted", job=accepted.job.id, kind=accepted.job.kind, cluster=str(accepted.job.key))
    job = await _ended(call, accepted.job, wish)
    if job is None:
        return _accepted(call, accepted) if wish.is_async else _still_running(call, accepted)
    if job.status is JobStatus.SUCCEEDED:
        return Answer(200, "ok", call.words.done(job.key.tag), result=result_of(accepted, job))
    code, message, detail = job_error(job)
    http = 409 if job.status is JobStatus.CANCELED else 502
    said = f"{message}. {detail}" if detail else message
    return Answer(http, "error", call.words.failed, said, code=code, job=job.id)


async def _ended(call: Call, job: Job, wish: Preference) -> Job | None:
    """The job once it has ended. One that had ended before is shown as such to all but those who only want its id."""
    if job.status.is_ended and not (wish.is_async and wish.wait <= 0):
        return job
    if wish.wait <= 0:
        return None
    with _hang_up(call.request) as gone:
        return await call.service.waiters.ended(job.id, seconds=wish.wait, gone=gone)


def _accepted(call: Call, accepted: Accepted) -> Answer:
    job, key = accepted.job.id, accepted.spec.key
    result = cluster_accepted(key, job)
    return Answer(202, "ok", call.words.accepted(key.tag), result=result, job=job, headers=_where(job))


def _still_running(call: Call, accepted: Accepted) -> Answer:
    job, key = accepted.job.id, accepted.spec.key
    return Answer(
        202,
        "error",
        call.words.still_running(key.tag),
        f"The job goes on. Ask for it: GET /v0/jobs/{job}, or POST job_id={job} to /v0/job",
        result=cluster_accepted(key, job),
        code="still_running",
        job=job,
        headers=_where(job),
    )


def _where(job: str) -> dict[str, str]:
    return {"Location": f"/v0/jobs/{job}", "Retry-After": ASK_AGAIN_AFTER}


@contextmanager
def _hang_up(request: Request) -> Iterator[Gone]:
    """A future that is done when the client has gone. The form has been read, so nothing else can come."""

    async def listen() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    task = asyncio.ensure_future(listen())
    try:
        yield task
    finally:
        task.cancel()
