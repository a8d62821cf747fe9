"""One `_security` of each saved database on all instances: it is no document, so nothing replicates it. Pure.

It is read now and then, and never all the time: a request a database. What is remembered are digests: the one agreed
on, and where an instance was last seen to have another. Somebody's change is what is neither of the two.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from common.cluster import ClusterSpec
from common.view import Reason
from worker.core.actions import PutSecurity
from worker.core.memory import Memory
from worker.core.says import Says
from worker.core.situation import Situation

MOST_AT_ONCE = 50
"""So many databases are read in one look, the next ones in the one after the next pause."""

READ_PART = 0.8
"""A pause is this part of an upkeep interval, so that each upkeep looks."""


def digest(security: str) -> str:
    return hashlib.sha256(security.encode()).hexdigest()[:16]


# CouchDB 3 lets admins only into a database whose `_security` nobody set (docs, config/couchdb, default_security).
UNSET = digest('{"admins":{"roles":["_admin"]},"members":{"roles":["_admin"]}}')


def asked(spec: ClusterSpec, memory: Memory, now: float) -> tuple[str, ...]:
    """The databases whose `_security` is to be read in the next look: none, but for now and then.

    That of `_users` cannot be changed on CouchDB 3, so it is the same everywhere.
    """
    if now < memory.security_after:
        return ()
    known = sorted(name for name in {*spec.databases, *memory.security} if not name.startswith("_"))
    after = [name for name in known if name > memory.security_cursor]
    return tuple((after or known)[:MOST_AT_ONCE])


@dataclass(frozen=True)
class Verdict:
    """On one database: the digest agreed on, whether somebody has to choose, and who has what."""

    agreed: str
    is_disputed: bool
    values: Mapping[str, str]


def noticed(s: Situation) -> Memory:
    """What was agreed on, who differs, and what is disputed, after a look that asked."""
    memory = s.memory
    agreed = {name: memory.security.get(name, "") for name in s.databases if not name.startswith("_")}
    read = databases_read(s)
    if not read:
        return memory.but(security=agreed) if agreed.keys() != memory.security.keys() else memory
    differing = {key: value for key, value in memory.security_apart.items() if key.split(" ", 1)[1] not in read}
    disputed = {name for name in memory.security_disputed if name in agreed and name not in read}
    for database in sorted(read & agreed.keys()):
        verdict = judge(s, database)
        agreed[database] = verdict.agreed
        if verdict.is_disputed:
            disputed.add(database)
            continue
        differing |= {key: value for key, value in held(s, database, verdict).items() if value != verdict.agreed}
    last = max(read)
    is_round_done = not any(name > last for name in agreed)
    return memory.but(
        security=agreed,
        security_apart=differing | kept_apart(s, disputed),
        security_disputed=tuple(sorted(disputed)),
        security_cursor="" if is_round_done else last,
        security_after=s.now + s.policy.upkeep_interval * READ_PART if is_round_done else s.now,
    )


def held(s: Situation, database: str, verdict: Verdict) -> dict[str, str]:
    """What each instance has, by key; one that was not read has what it had, which may be what was agreed before."""
    before = s.memory.security.get(database) or UNSET
    keys = (f"{uuid} {database}" for uuid in s.memory.durable.filled)
    unread = {key: s.memory.security_apart.get(key, before) for key in keys}
    return unread | {key_of(s, name, database): value for name, value in verdict.values.items()}


def kept_apart(s: Situation, disputed: set[str]) -> dict[str, str]:
    """While a change is disputed it stays a change: what was known of these databases stays as it was."""
    return {k: v for k, v in s.memory.security_apart.items() if k.split(" ", 1)[1] in disputed}


def databases_read(s: Situation) -> set[str]:
    return {database for i in s.answering for database in s.nodes[i.name].security}


def key_of(s: Situation, name: str, database: str) -> str:
    return f"{s.nodes[name].uuid} {database}"


def judge(s: Situation, database: str) -> Verdict:
    """A value that is neither the agreed one nor the one its instance was known to have is somebody's change.

    An instance that is not filled follows, whatever it has: nobody reads from it yet.
    """
    agreed = s.memory.security.get(database) or UNSET
    values = {
        i.name: digest(s.nodes[i.name].security[database]) for i in s.answering if database in s.nodes[i.name].security
    }
    apart = s.memory.security_apart
    news = {
        value
        for name, value in values.items()
        if s.is_filled(name) and value not in (agreed, apart.get(key_of(s, name, database), agreed))
    }
    if len(news) == 1:
        return Verdict(news.pop(), is_disputed=False, values=values)
    return Verdict(agreed, is_disputed=len(news) > 1, values=values)


def is_one_everywhere(s: Situation) -> Says:
    """Somebody's change goes to all, a new instance takes what the others have; two changes are left to people."""
    reasons = tuple(
        Reason(
            "security_disputed",
            f"_security of {database} was changed in two ways on different instances: set it once more, "
            "on one of them or through the endpoint, until all agree",
        )
        for database in s.memory.security_disputed
    )
    actions = []
    for instance in s.taking:
        mine = s.nodes[instance.name].security
        wanted = tuple(
            (database, text)
            for database in sorted(mine)
            if database not in s.memory.security_disputed
            and (text := text_of(s, database)) is not None
            and digest(mine[database]) != digest(text)
        )
        if wanted:
            actions.append(PutSecurity(instance.name, wanted))
    return Says(tuple(actions), reasons)


def text_of(s: Situation, database: str) -> str | None:
    """What was agreed on, from an instance that has it: what nobody has cannot be given to others."""
    agreed = s.memory.security.get(database)
    texts = (s.nodes[i.name].security.get(database) for i in s.answering)
    return next((text for text in texts if text is not None and digest(text) == agreed), None)
