"""What an operator does to the users of the store in memory: the twin of scripts/users.lua and those beside it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from common.cluster import ClusterKey, ClusterSpec, with_token_line
from common.errors import NotRebuilt
from common.store.admission import User
from common.store.rules import no_such_user, user_exists, user_has_clusters
from tests.twins.store.state import State


def users(state: State) -> tuple[User, ...]:
    return tuple(User(name, name in state.disabled, len(state.sizes(name))) for name in sorted(state.owners))


def add(state: State, user: str, owner_hash: str) -> None:
    _check_rebuilt(state)
    if user in state.owners:
        raise user_exists(user)
    state.owners[user] = owner_hash


def give_token(state: State, user: str, owner_hash: str, admin_line: str, now: int) -> None:
    _check_rebuilt(state)
    _check_known(state, user)
    state.owners[user] = owner_hash
    _move(state, user, now, change=partial(with_token_line, line=admin_line))


def disable(state: State, user: str, now: int, *, disabled: bool) -> None:
    _check_known(state, user)
    if disabled == (user in state.disabled):
        return
    (state.disabled.add if disabled else state.disabled.discard)(user)
    _move(state, user, now, change=lambda spec: spec)


def _move(state: State, user: str, now: int, *, change: Callable[[ClusterSpec], ClusterSpec]) -> None:
    """Another version of each of the user's clusters, with its spec and what its job may bring back changed."""
    for key in _keys(state, user):
        kept = state.clusters[key]
        if kept.gone_until is not None:
            continue
        job = state.unfinished(kept, now)
        former, version = kept.record.version, state.next_number(now)
        kept.record = replace(kept.record, spec=change(kept.record.spec), version=version)
        if job is not None:
            restore, undo = (None if spec is None else change(spec) for spec in (job.restore, job.undo))
            moved = version if job.version == former else job.version
            state.jobs.put(replace(job, version=moved, restore=restore, undo=undo))
        kept.wake += 1
        state.due[key] = now


def remove(state: State, user: str) -> None:
    _check_rebuilt(state)
    _check_known(state, user)
    if keys := _keys(state, user):
        raise user_has_clusters(user, [key.tag for key in keys])
    del state.owners[user]
    state.disabled.discard(user)


def _keys(state: State, user: str) -> list[ClusterKey]:
    return sorted(key for key in state.clusters if key.user == user)


def _check_rebuilt(state: State) -> None:
    if not state.is_rebuilt:
        raise NotRebuilt


def _check_known(state: State, user: str) -> None:
    if user not in state.owners:
        raise no_such_user(user)
