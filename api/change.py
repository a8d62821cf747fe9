"""Scale, replicate, unreplicate, password and delete: a change of the spec of a cluster that exists, and its job."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from api import fields
from api.call import Call
from api.envelope import Answer, Json
from api.follow import follow
from api.gate import unauthorized
from api.once import once_of, replay
from api.passwords import is_own_password, line_of
from api.render import cluster_result
from api.specs import password_change, replication, scaling, unreplication
from api.submit import Accepted, limits, submit_change
from common.change import Change, build_submission, deletion
from common.cluster import ClusterKey, ClusterSpec
from common.jobs import Job
from common.store.port import ClusterRecord, Remembered, Submission

Compute: TypeAlias = Callable[[ClusterSpec], Change]


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


async def password(call: Call) -> Answer:
    """Another password of the login to the databases. No answer shows it, nor what it was."""
    login = fields.new_password(call.form)
    given = login.password or ""

    async def hashed() -> Compute:
        line = await line_of(call.service, given)
        is_own = is_own_password(call.caller, login)
        return lambda spec: password_change(spec, user=login.user, line=line, is_own=is_own)

    return await _change_prepared(
        call,
        hashed,
        lambda accepted, job: cluster_result(accepted.spec, job.result, password=None),
    )


async def delete(call: Call) -> Answer:
    """The cluster and its data go. Never refused for a running job: it ends that one as superseded."""
    force = fields.option(call.form, "force")
    return await _change(call, lambda spec: deletion(spec, force=force), lambda _accepted, _job: None)


async def _change(call: Call, compute: Compute, result_of: Callable[[Accepted, Job], Json]) -> Answer:
    async def ready() -> Compute:
        return compute

    return await _change_prepared(call, ready, result_of)


async def _change_prepared(
    call: Call, prepare: Callable[[], Awaitable[Compute]], result_of: Callable[[Accepted, Job], Json]
) -> Answer:
    """As `_change`, for what takes work before it can be computed: that is done for a caller who is proved."""
    service = call.service
    key = ClusterKey(call.caller.user, fields.tag(call.form))
    wish = call.preference()
    once = once_of(call)
    owner_hash = await call.prove(await service.threads.run(call.admit))
    if once is not None:
        known = await service.threads.run(service.store.remembered, key.user, once.name)
        if known is not None:
            return await replay(call, known, wish, result_of=result_of)
    compute = await prepare()
    job_id = service.random_id()

    def make(record: ClusterRecord) -> Submission:
        if record.owner_hash != owner_hash:
            raise unauthorized()  # the token by which the caller was proved is the user's no more
        return build_submission(
            compute(record.spec),
            owner_hash=owner_hash,
            version=record.version,
            job_id=job_id,
            request_id=call.request_id,
            settings=service.settings,
            limits=limits(service.settings),
            once=once,
        )

    accepted = await service.threads.run(submit_change, service.store, service.waker, key, make)
    if isinstance(accepted, Remembered):
        return await replay(call, accepted, wish, result_of=result_of)
    return await follow(call, accepted, wish, result_of=result_of)
