"""The user's own admin of an instance, changed by the configuration API while it runs."""

from worker.couch.client import Talk
from worker.couch.fence import read_config, set_value
from worker.couch.fence_config import has_trace, value


def put_login(talk: Talk, user: str, line: str) -> None:
    """One PUT takes the place of the line there was; CouchDB keeps a hash as it is given (measured on 3.5.0).

    A fence, half or whole, has lines of its own in place of the users' until it is undone. If one begins between the
    look and the write, it is not whole until it has overwritten this line too.
    """
    config = read_config(talk)
    if not has_trace(config, talk.credentials) and value(config, "admins", user) != line:
        set_value(talk, "admins", user, line)
