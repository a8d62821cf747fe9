"""Carry out a plan: one call per action, the instances side by side, and a look at the lease before each."""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from itertools import groupby

from common.cluster import ClusterSpec
from common.errors import TemporaryError
from worker.core.actions import (
    Action,
    CreateDatabases,
    DeleteFills,
    DeleteReplications,
    Provision,
    PutFills,
    PutReplications,
    Remove,
    Serve,
)
from worker.core.observed import Instance, Observed, Unknown
from worker.ports import Couch, Credentials, Platform


class Hands:
    """Everything an action may need, for one plan of one cluster under one fencing number."""

    def __init__(self, spec: ClusterSpec, observed: Observed, *, fence: int, platform: Platform, couch: Couch) -> None:
        self._spec = spec
        self._observed = observed
        self._fence = fence
        self._platform = platform
        self._couch = couch

    def do(self, action: Action) -> None:
        """Raises TemporaryError, PermanentError or LeaseLost, as the ports do."""
        match action:
            case Provision(keep):
                self._platform.provision(self._spec, keep, self._fence)
            case Serve(names):
                self._platform.serve(self._spec, names, self._fence)
            case Remove():
                self._platform.remove(self._spec, self._fence)
            case CreateDatabases(name, databases):
                self._couch.create_databases(self._instance(name), databases, self._credentials())
            case PutReplications(name, wanted):
                self._couch.put_replications(self._instance(name), wanted, self._instances(), self._credentials())
            case DeleteReplications(name, unwanted):
                self._couch.delete_replications(self._instance(name), unwanted, self._credentials())
            case PutFills(name, source, databases):
                self._couch.put_fills(self._instance(name), self._instance(source), databases, self._credentials())
            case DeleteFills(name):
                self._couch.delete_fills(self._instance(name), self._credentials())

    def _instances(self) -> tuple[Instance, ...]:
        seen = self._observed.platform
        return () if isinstance(seen, Unknown) else seen.instances

    def _instance(self, name: str) -> Instance:
        return next(i for i in self._instances() if i.name == name)

    def _credentials(self) -> Credentials:
        found = self._platform.credentials(self._spec)
        if isinstance(found, Unknown):
            raise TemporaryError("credentials_unknown", f"kanto's own login cannot be read: {found.why}")
        return found


def apply(actions: Iterable[Action], hands: Hands, *, check: Callable[[], None], executor: Executor) -> None:
    """Kinds in order, the actions of one kind at once.

    `check` raises LeaseLost when nothing more may be done (hazards H18).

    All actions of a kind are tried; then the first error is raised.
    """
    for _, group in groupby(actions, key=type):
        check()
        batch = list(group)
        if len(batch) == 1:
            hands.do(batch[0])
            continue
        futures = [executor.submit(hands.do, action) for action in batch]
        errors = [error for future in futures if (error := future.exception()) is not None]
        if errors:
            raise errors[0]
