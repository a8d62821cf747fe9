"""The caller's jobs: newest first, page by page."""

import re
from collections.abc import Mapping

from api import fields
from api.call import Call
from api.envelope import Answer, Json, ok
from api.gate import Login
from api.render import job_line
from common.errors import UserError
from common.jobs import Job, JobStatus
from common.names import JOB_ID
from common.store.port import JobMark

MOST = 100
"""Jobs on one page."""

USUAL = 20

_LIMIT = re.compile(r"0*([1-9][0-9]*)")
CURSOR = f"([0-9]{{1,15}})-({JOB_ID})"


async def list_jobs(call: Call) -> Answer:
    """A page of them. Its `next`, sent as `cursor`, goes on where it ended, whatever came or went meanwhile."""
    limit, after = limit_of(call.form), cursor_of(call.form)
    statuses = statuses_of(call.form)
    tag = fields.tag(call.form) if "cluster_tag" in call.form else None

    def find() -> tuple[Login, tuple[Job, ...]]:
        login, store = call.admit(), call.service.store
        if login.owner_hash is None:
            return login, ()
        return login, store.jobs(call.caller.user, limit=limit + 1, after=after, tag=tag, statuses=statuses)

    login, found = await call.service.threads.run(find)
    await call.prove(login)
    page = found[:limit]
    shown: dict[str, Json] = {
        "jobs": [job_line(job) for job in page],
        "next": cursor(page[-1]) if len(found) > limit else None,
    }
    return ok(call.words.done(call.caller.user), result=shown)


def limit_of(form: Mapping[str, str]) -> int:
    """How many jobs make a page: 20, or what is asked for, 100 at most."""
    given = form.get("limit")
    if given is None:
        return USUAL
    match = _LIMIT.fullmatch(given)
    if match is None:
        raise UserError("bad_page", "limit is not an integer from 1 on", action=f"Send limit=1 to {MOST}")
    return min(int(match[1]), MOST) if len(match[1]) <= len(str(MOST)) else MOST


def statuses_of(form: Mapping[str, str]) -> frozenset[JobStatus]:
    """`a,b`: jobs of these; nothing for all."""
    names = {part.strip() for part in form.get("status", "").split(",")} - {""}
    known = {status.value: status for status in JobStatus}
    if not names <= known.keys():
        raise UserError("bad_status", "status is none that a job can have", action=f"Send some of {','.join(known)}")
    return frozenset(known[name] for name in names)


def cursor(job: Job) -> str:
    """The place after a job: it stays where it is when others come, and when this one is forgotten."""
    return f"{round(job.created_at * 1000)}-{job.id}"


def cursor_of(form: Mapping[str, str]) -> JobMark | None:
    given = form.get("cursor")
    if given is None:
        return None
    match = re.fullmatch(CURSOR, given)
    if match is None:
        raise UserError("bad_page", "cursor is none that a page named", action="Send the `next` of the page before")
    return JobMark(int(match[1]) / 1000, match[2])
