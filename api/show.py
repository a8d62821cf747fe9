"""Detail, list and job: what is, without a change."""

import asyncio
from dataclasses import dataclass

from api import fields
from api.call import Call
from api.conflicts import counted
from api.envelope import Answer, ok
from api.follow import ASK_AGAIN_AFTER
from api.gate import Login
from api.render import cluster_detail, cluster_line, cluster_of_newer, job_detail
from api.service import Waker
from api.submit import no_such_cluster
from common.cluster import ClusterKey
from common.errors import UserError
from common.jobs import Job
from common.names import is_job_id
from common.settings import Settings
from common.store.port import ClusterRecord, Store

DAY = 24 * 3600.0

FRESH_WITHIN = 1.0
"""Seconds that detail waits for a fresh look."""


async def detail(call: Call) -> Answer:
    """A cluster as it is now: wakes a worker and waits a second for its look, else shows the last one."""
    service = call.service
    key = ClusterKey(call.caller.user, fields.tag(call.form))
    counts = fields.option(call.form, "conflicts")
    found = await service.threads.run(_find_cluster, call, key)
    await call.prove(found.login)
    if found.record is None:
        raise no_such_cluster(key)
    with service.waiters.look(key, since=found.now) as look:
        await service.threads.run(_ask_for_look, service.store, service.waker, key)
        await asyncio.wait((look,), timeout=FRESH_WITHIN)
    fresh = look.result() if look.done() else None
    if fresh is None:
        fresh = await service.threads.run(service.store.cluster, key)
    if fresh is None:
        raise no_such_cluster(key)
    shown = cluster_detail(fresh, now=found.now, upkeep_interval=service.settings.upkeep_interval)
    if counts:
        shown["Conflicts"] = await counted(call, key, asked_at=found.now)
    return ok(call.words.done(key.tag), result=shown)


async def list_clusters(call: Call) -> Answer:
    """All clusters of the caller by tag, each as of its last look."""
    service = call.service
    found = await service.threads.run(_find_clusters, call)
    await call.prove(found.login)
    interval = service.settings.upkeep_interval
    shown = [cluster_line(record, now=found.now, upkeep_interval=interval) for record in found.records]
    shown += [cluster_of_newer(ClusterKey(call.caller.user, tag)) for tag in found.newer]
    shown.sort(key=lambda one: str(one["Tag"]))
    return ok(call.words.done(call.caller.user), result=shown)


async def job(call: Call) -> Answer:
    """The job that the form names."""
    return await show_job(call, fields.job_id(call.form))


async def show_job(call: Call, job_id: str) -> Answer:
    """A job of the caller's own; somebody else's does not exist (404, and not 403)."""
    service = call.service
    if not is_job_id(job_id):
        job_id = ""  # no job has this id; the caller is proved all the same
    found = await service.threads.run(find_job, call, job_id)
    await call.prove(found.login)
    if found.job is None:
        raise no_such_job(service.settings)
    headers = {} if found.job.status.is_ended else {"Retry-After": ASK_AGAIN_AFTER}
    shown = job_detail(found.job, found.record)
    return Answer(200, "ok", call.words.done(job_id), result=shown, headers=headers)


def no_such_job(settings: Settings) -> UserError:
    """Also of one that was forgotten: jobs live in Redis alone, clusters do not."""
    kept = settings.keep_jobs
    how_long = f"{kept / DAY:g} days" if kept >= DAY else f"{kept:g} seconds"
    return UserError(
        "no_such_job",
        f"you have no job of this id. A job is kept for {how_long} after its end, and is lost with a lost Redis",
        action="The answer with the job named its id. Clusters are not lost: detail shows what became of yours",
    )


# what is read in one hop to a thread


@dataclass(frozen=True, slots=True)
class Found:
    """What proves the caller, and what was asked for. `now` is the store's time."""

    login: Login
    now: float = 0.0
    record: ClusterRecord | None = None
    records: tuple[ClusterRecord, ...] = ()
    newer: tuple[str, ...] = ()
    job: Job | None = None


def _find_cluster(call: Call, key: ClusterKey) -> Found:
    login, store = call.admit(), call.service.store
    return Found(login, store.now(), record=store.cluster(key) if login.owner_hash is not None else None)


def _find_clusters(call: Call) -> Found:
    login, store = call.admit(), call.service.store
    if login.owner_hash is None:
        return Found(login)
    listing = store.listing(call.caller.user)
    return Found(login, store.now(), records=listing.records, newer=listing.newer)


def find_job(call: Call, job_id: str) -> Found:
    """A job of the caller's own, and its cluster as it is now. Blocks."""
    login, store = call.admit(), call.service.store
    found = store.job(job_id) if login.owner_hash is not None and job_id else None
    if found is None or found.key.user != call.caller.user:
        return Found(login)
    return Found(login, record=store.cluster(found.key), job=found)


def _ask_for_look(store: Store, waker: Waker, key: ClusterKey) -> None:
    store.wake(key)
    waker.send(key)
