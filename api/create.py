"""Create: the one operation that may make a user."""

import asyncio
from dataclasses import replace

from api import fields
from api.call import Call
from api.envelope import Answer, Json
from api.follow import follow
from api.render import cluster_result
from api.specs import creation
from api.submit import Accepted, cluster_exists, submission_of, submit_creation, unauthorized
from common.cluster import ClusterKey
from common.jobs import Job
from common.passwords import admin_line
from common.store.port import ClusterRecord, Store, Submission


async def create(call: Call) -> Answer:
    """Make a cluster. All that is cheap is checked before the first hash, and only a valid one enrols (hazards H27)."""
    service, caller = call.service, call.caller
    key = ClusterKey(caller.user, fields.new_tag(call.form, service.chance))
    replicas = fields.replicas(call.form)
    wish = call.preference()
    stored, existing = await service.threads.run(_find, service.store, key)
    if stored is not None:
        await call.prove(stored)
    elif service.settings.auth == "strict":
        await call.prove(None)
    if existing is not None:
        raise cluster_exists(key, being_deleted=existing.spec.deleted)
    owner_hash, line = await asyncio.gather(_hash_of(call, stored), _admin_line(call))
    change = creation(
        caller=caller,
        tag=key.tag,
        replicas=replicas,
        incarnation=service.random_id()[:16],
        admin_line=line,
        settings=service.settings,
    )
    submission = submission_of(
        change,
        owner_hash=owner_hash,
        version=None,
        job_id=service.random_id(),
        request_id=call.request_id,
        settings=service.settings,
    )
    accepted = await _submit(call, submission)
    return await follow(call, accepted, wish, result_of=lambda accepted, job: _result(call, accepted, job))


def _result(call: Call, accepted: Accepted, job: Job) -> Json:
    return cluster_result(accepted.spec, job.result, password=call.caller.token)


def _find(store: Store, key: ClusterKey) -> tuple[str | None, ClusterRecord | None]:
    stored = store.owner_hash(key.user)
    return stored, store.cluster(key) if stored is not None else None


async def _hash_of(call: Call, stored: str | None) -> str:
    return stored if stored is not None else await call.service.users.hash(call.caller)


async def _admin_line(call: Call) -> str:
    """The caller's CouchDB admin, as CouchDB keeps it: half a second of work at 600,000 rounds."""
    service = call.service

    def make() -> str:
        salt = service.random_id()
        return admin_line(call.caller.token, salt=salt, iterations=service.settings.password_iterations)

    return await service.hashing.run(make)


async def _submit(call: Call, submission: Submission) -> Accepted:
    """Submit. A name claimed meanwhile, perhaps by the caller's own other request, has to be proved after all."""
    service = call.service
    accepted = await service.threads.run(submit_creation, service.store, service.waker, submission)
    if accepted is None:
        stored = await call.prove(await service.threads.run(service.store.owner_hash, call.caller.user))
        again = replace(submission, owner_hash=stored)
        accepted = await service.threads.run(submit_creation, service.store, service.waker, again)
    if accepted is None:
        raise unauthorized()
    return accepted
