"""kanto's login of a cluster in its Secret: made once, before the first instance, and never again (hazards H26)."""

from collections.abc import Callable

from common.cluster import ClusterSpec
from common.errors import PermanentError
from worker.platforms.kubernetes import names, objects, pod
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.frame import Frame
from worker.platforms.kubernetes.login import build_login, read_login
from worker.platforms.kubernetes.resources import SECRETS
from worker.platforms.login import make_login
from worker.ports import Credentials


def load(client: Client, spec: ClusterSpec) -> Credentials | None:
    """None when it was not made yet; PermanentError when it is damaged."""
    name = names.login(spec)
    found = client.get(SECRETS, name)
    if found is None or not names.is_of(found["metadata"].get("annotations"), spec):
        return None
    login = read_login(found.get("data"), name=name)
    return Credentials(login.name, login.password)


def ensure(client: Client, frame: Frame, *, has_data: bool, token: Callable[[int], str]) -> None:
    """The Secret is there. Of two who make one at once, one does.

    PermanentError `credentials_lost` instead of a second one.
    """
    if load(client, frame.spec) is not None:
        return
    if has_data:
        raise PermanentError(
            "credentials_lost",
            f"Secret {names.login(frame.spec)} is missing, although {frame.cluster} has data: there is no way in",
            action="Put the Secret back from a copy; kanto never makes a second one",
        )
    login = build_login(frame, make_login(token), databases=pod.DATABASES, last=pod.LAST_INI)
    objects.create(client, frame.spec, login)
