"""Cancel: the end of a job on its user's word. The cluster goes back to the spec it had before."""

from api import fields
from api.call import Call
from api.envelope import Answer, Json, Words, ok
from api.service import Waker
from api.show import no_such_job
from common.cluster import ClusterSpec
from common.errors import KantoError, UserError
from common.jobs import Job, JobKind
from common.names import is_job_id
from common.store.port import Refusal, Store, Submitted

CANCEL_WORDS = Words("couchdb job cancel", "job")


async def cancel(call: Call) -> Answer:
    """Cancel the job that the form names."""
    return await cancel_job(call, fields.job_id(call.form))


async def cancel_job(call: Call, job_id: str) -> Answer:
    """End a job of the caller's own, and say what is undone. It is undone by upkeep: detail shows how far that is."""
    service, user = call.service, call.caller.user
    await call.prove(await service.threads.run(call.admit))
    if not is_job_id(job_id):
        raise no_such_job(service.settings)
    canceled = await service.threads.run(_cancel, service.store, service.waker, user, job_id)
    if canceled.refusal is not None or canceled.job is None:
        raise _error_of(call, canceled)
    return ok(call.words.done(job_id), result=_result(canceled.job))


def _cancel(store: Store, waker: Waker, user: str, job_id: str) -> Submitted:
    canceled = store.cancel(user, job_id)
    if canceled.refusal is None and canceled.job is not None:
        waker.send(canceled.job.key)
    return canceled


def _error_of(call: Call, canceled: Submitted) -> KantoError:
    job = canceled.job
    if job is None:
        return no_such_job(call.service.settings)
    if canceled.refusal is Refusal.ENDED:
        return UserError(
            "job_ended",
            f"the job has ended already: {job.status}",
            action="POST job_id to /v0/job tells how",
            job=job.id,
        )
    return UserError(
        "no_way_back",
        f"{job.kind} of {job.key.tag} has begun, and what it removes cannot be brought back",
        action="Wait for its end: POST job_id to /v0/job tells",
        job=job.id,
    )


def _result(job: Job) -> dict[str, Json]:
    return {"Tag": job.key.tag, "Username": job.key.user, "Job": job.id, "Kind": job.kind, "Undone": undone(job)}


def undone(job: Job) -> str:
    """What a canceled job leaves, in words."""
    former = job.way_back
    return "nothing" if former is None else _way_back(job.kind, former)


def _way_back(kind: JobKind, former: ClusterSpec) -> str:
    count = "1 instance" if former.replicas == 1 else f"{former.replicas} instances"
    listed = f"the saved list goes back to {_saved_list(former)}"
    return {
        JobKind.CREATE: "the cluster is removed",
        JobKind.SCALE: f"the cluster goes back to {count}",
        JobKind.REPLICATE: f"{listed}; the databases themselves stay",
        JobKind.UNREPLICATE: f"{listed}; what was dropped already is not brought back",
        JobKind.PASSWORD: "the password of before is good again, and the new one is not",
        JobKind.DELETE: "the cluster is kept",
    }[kind]


def _saved_list(spec: ClusterSpec) -> str:
    names = [*spec.databases, *(("*",) if spec.all_databases else ())]
    return ", ".join(names) or "nothing"
