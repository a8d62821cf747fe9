"""Scale, replicate, unreplicate and delete: a change of the spec of a cluster that exists, and its job."""

from collections.abc import Callable

from api import fields
from api.call import Call
from api.envelope import Answer, Json
from api.follow import follow
from api.once import once_of, replay
from api.render import cluster_result
from api.specs import Change, deletion, replication, scaling, unreplication
from api.submit import Accepted, submission_of, submit_change
from common.cluster import ClusterKey, ClusterSpec
from common.jobs import Job
from common.store.port import ClusterRecord, Remembered, Submission


async def scale(call: Call) -> Answer:
    """Another number of instances; the answer shows the caller's own token as Password, as create does."""
    replicas = fields.replicas(call.form)
    force = fields.option(call.form, "force")
    return await _change(
        call,
        lambda spec: scaling(spec, replicas=replicas, force=force),
        lambda accepted, job: cluster_result(accepted.spec, job.result, password=call.caller.token),
    )


async def replicate(call: Call) -> Answer:
    """More databases in the saved list."""
    databases = fields.databases(call.form)
    return await _change(
        call,
        lambda spec: replication(spec, databases),
        lambda accepted, job: cluster_result(accepted.spec, job.result, password=None),
    )


async def unreplicate(call: Call) -> Answer:
    """Fewer databases in the saved list, and with drop=1 none of these on any instance."""
    databases = fields.databases(call.form)
    drop_id = call.service.random_id() if fields.option(call.form, "drop") else None
    return await _change(
        call,
        lambda spec: unreplication(spec, databases, drop_id=drop_id),
        lambda accepted, job: cluster_result(accepted.spec, job.result, password=None),
    )


async def delete(call: Call) -> Answer:
    """The cluster and its data go. Never refused for a running job: it ends that one as superseded."""
    force = fields.option(call.form, "force")
    return await _change(call, lambda spec: deletion(spec, force=force), lambda _accepted, _job: None)


async def _change(
    call: Call, compute: Callable[[ClusterSpec], Change], result_of: Callable[[Accepted, Job], Json]
) -> Answer:
    service = call.service
    key = ClusterKey(call.caller.user, fields.tag(call.form))
    wish = call.preference()
    once = once_of(call)
    owner_hash = await call.prove(await service.threads.run(call.admit))
    if once is not None:
        known = await service.threads.run(service.store.remembered, key.user, once.name)
        if known is not None:
            return await replay(call, known, wish, result_of=result_of)
    job_id = service.random_id()

    def make(record: ClusterRecord) -> Submission:
        return submission_of(
            compute(record.spec),
            owner_hash=owner_hash,
            version=record.version,
            job_id=job_id,
            request_id=call.request_id,
            settings=service.settings,
            once=once,
        )

    accepted = await service.threads.run(submit_change, service.store, service.waker, key, make)
    if isinstance(accepted, Remembered):
        return await replay(call, accepted, wish, result_of=result_of)
    return await follow(call, accepted, wish, result_of=result_of)
