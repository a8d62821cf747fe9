"""Grants a wish for a count of conflicts: one bounded piece at the end of a step that has nothing else to do."""

from common.errors import KantoError
from common.log import get
from common.view import ConflictCount, Conflicts
from worker.core.actions import Apply
from worker.core.observed import Instance, Node, Unknown
from worker.outcome import Look
from worker.ports import Couch, Credentials, Platform

log = get(__name__)


def count(
    look: Look, platform: Platform, couch: Couch, *, databases: tuple[str, ...], seconds: float
) -> Conflicts | None:
    """The count on one instance that serves, in at most so many seconds.

    None while there is work to do, or nothing that could be counted.

    All instances hold the same soon, so one is enough. What could not be looked at is None in it.
    """
    if isinstance(look.plan, Apply) or look.spec.deleted:
        return None
    instance = counted_on(look)
    credentials = platform.credentials(look.spec) if instance is not None else None
    if instance is None or not isinstance(credentials, Credentials):
        return Conflicts(look.now, None, tuple(ConflictCount(name) for name in databases))
    try:
        counts = couch.count_conflicts(instance, databases, credentials, seconds=seconds)
    except KantoError as error:
        log.info("count_failed", cluster=str(look.spec.key), code=error.code, error=error.message)
        counts = tuple(ConflictCount(name) for name in databases)
    return Conflicts(look.now, instance.name, counts)


def counted_on(look: Look) -> Instance | None:
    seen = look.observed.platform
    instances = () if isinstance(seen, Unknown) else seen.instances
    return next((i for i in instances if i.serving and isinstance(look.observed.nodes.get(i.name), Node)), None)
