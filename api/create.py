"""Create: the one operation that may make a user."""

import asyncio
from dataclasses import dataclass, replace
from functools import partial

from api import fields
from api.call import Call
from api.envelope import Answer, Json
from api.follow import follow
from api.gate import Login, unauthorized
from api.once import once_of, replay
from api.passwords import is_own_password, line_of
from api.render import cluster_result
from api.specs import creation
from api.submit import Accepted, Outcome, cluster_exists, limits, submit_creation
from common.change import build_submission
from common.cluster import ClusterKey
from common.jobs import Job
from common.store.admission import Once
from common.store.port import ClusterRecord, Remembered, Submission


async def create(call: Call) -> Answer:
    """Make a cluster. All that is cheap is checked before the first hash, and only a valid one enrols (hazards H27)."""
    service, caller = call.service, call.caller
    key = ClusterKey(caller.user, fields.new_tag(call.form, service.chance))
    replicas = fields.replicas(call.form)
    login = fields.database_login(call.form)
    wish = call.preference()
    once = once_of(call)
    found = await service.threads.run(_find, call, key, once)
    stored = found.login.owner_hash
    if stored is not None or service.settings.auth == "strict":
        await call.prove(found.login)
        if found.remembered is not None:
            return await replay(call, found.remembered, wish, result_of=partial(_result, call))
    if found.existing is not None:
        raise cluster_exists(key, being_deleted=found.existing.spec.deleted)
    owner_hash, line = await asyncio.gather(_hash_of(call, stored), line_of(service, login.password or caller.token))
    change = creation(
        caller=caller,
        tag=key.tag,
        replicas=replicas,
        incarnation=service.random_id()[:16],
        admin_name=login.user or caller.user,
        admin_line=line,
        has_own_password=is_own_password(caller, login),
        settings=service.settings,
    )
    submission = build_submission(
        change,
        owner_hash=owner_hash,
        version=None,
        job_id=service.random_id(),
        request_id=call.request_id,
        settings=service.settings,
        limits=limits(service.settings),
        once=once,
    )
    accepted = await _submit(call, submission)
    if isinstance(accepted, Remembered):
        return await replay(call, accepted, wish, result_of=partial(_result, call))
    return await follow(call, accepted, wish, result_of=partial(_result, call))


def _result(call: Call, accepted: Accepted, job: Job) -> Json:
    return cluster_result(accepted.spec, job.result, password=call.caller.token)


@dataclass(frozen=True, slots=True)
class _Found:
    login: Login
    existing: ClusterRecord | None = None
    remembered: Remembered | None = None


def _find(call: Call, key: ClusterKey, once: Once | None) -> _Found:
    login, store = call.admit(), call.service.store
    if login.owner_hash is None:
        return _Found(login)
    return _Found(login, store.cluster(key), store.remembered(key.user, once.name) if once is not None else None)


async def _hash_of(call: Call, stored: str | None) -> str:
    return stored if stored is not None else await call.service.users.hash(call.caller)


async def _submit(call: Call, submission: Submission) -> Outcome:
    """Submit. A name claimed meanwhile, perhaps by the caller's own other request, has to be proved after all."""
    service = call.service
    accepted = await service.threads.run(submit_creation, service.store, service.waker, submission)
    if accepted is None:
        stored = await call.prove(await service.threads.run(call.admit))
        again = replace(submission, owner_hash=stored)
        accepted = await service.threads.run(submit_creation, service.store, service.waker, again)
    if accepted is None:
        raise unauthorized()
    return accepted
