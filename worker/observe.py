"""One look at a cluster: the platform first, then every instance that runs, all at once."""

from collections.abc import Collection

from common.cluster import ClusterSpec
from worker.core.observed import Down, Node, Observed, Unknown
from worker.ports import Couch, Credentials, Platform


def observe(spec: ClusterSpec, platform: Platform, couch: Couch, *, security: Collection[str] = ()) -> Observed:
    """What is true now, or Unknown with the reason; never raises for something that is away.

    `security`: the databases whose `_security` is read too.
    """
    seen = platform.observe(spec)
    if isinstance(seen, Unknown) or spec.deleted or not seen.instances:
        return Observed(seen)
    there = [i for i in seen.instances if not i.is_going]
    nodes: dict[str, Node | Down | Unknown] = {
        i.name: Down(i.reason or "it is not running") for i in there if i.phase == "down"
    }
    running = [i for i in there if i.phase != "down"]
    if running:
        credentials = platform.credentials(spec)
        if isinstance(credentials, Credentials):
            answers = couch.observe(there, credentials, security)
            nodes |= {i.name: answers.get(i.name, Unknown("it was not asked")) for i in running}
        else:
            nodes |= {i.name: credentials for i in running}
    return Observed(seen, nodes)
