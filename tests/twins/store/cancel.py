"""A cancel in the store in memory: the twin of scripts/cancel.lua."""

from common.store.port import Refusal, Submitted
from tests.twins.store.state import State


def cancel(state: State, user: str, job_id: str, now: int) -> Submitted:
    job = state.job(job_id, now)
    if job is None or job.key.user != user:
        return Submitted(None, Refusal.MISSING)
    if job.status.is_ended:
        return Submitted(job, Refusal.ENDED)
    if job.way_back is None:
        return Submitted(job, Refusal.SEALED)
    return Submitted(state.cancel(job, now))
