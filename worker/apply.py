"""Carry out a plan: one call per action, the instances side by side, and a look at the lease before each."""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from itertools import groupby

from common.cluster import ClusterSpec
from common.errors import KantoError, TemporaryError
from worker import times
from worker.core.actions import (
    Action,
    CreateDatabases,
    DeleteFills,
    DeleteReplications,
    Drain,
    DropDatabases,
    Fact,
    Fence,
    Provision,
    PutFills,
    PutLogin,
    PutReplications,
    PutSecurity,
    Remove,
    Retire,
    Serve,
    Unfence,
    Unproved,
)
from worker.core.observed import Drained, Instance, Observed, Unknown
from worker.ports import Couch, Credentials, Platform

OfCouch = (
    CreateDatabases
    | DropDatabases
    | PutSecurity
    | PutReplications
    | DeleteReplications
    | PutFills
    | DeleteFills
    | Fence
    | Unfence
)


class Hands:
    """Everything an action may need, for one plan of one cluster under one fencing number."""

    def __init__(
        self,
        spec: ClusterSpec,
        observed: Observed,
        *,
        fence: int,
        platform: Platform,
        couch: Couch,
        check: Callable[[], None],
        piece_seconds: float = times.PIECE,
    ) -> None:
        self._spec = spec
        self._observed = observed
        self._fence = fence
        self._platform = platform
        self._couch = couch
        self._check = check
        self._piece_seconds = piece_seconds

    def do(self, action: Action) -> Fact | None:
        """Raises TemporaryError, PermanentError or LeaseLost, as the ports do."""
        match action:
            case Provision(keep):
                self._platform.provision(self._spec, keep, self._fence)
            case Serve(names):
                self._platform.serve(self._spec, names, self._fence)
            case Remove():
                self._platform.remove(self._spec, self._fence)
            case Drain(name, _, target, proofs):
                leaver, survivor = self._instance(name), self._instance(target)
                seconds = self._piece_seconds
                return self._couch.drain(leaver, survivor, proofs, self._credentials(), seconds=seconds)
            case Retire():
                return self._retire(action)
            case PutLogin(name, user, line):
                self._couch.put_login(self._instance(name), user, line, self._credentials())
            case _:
                self._tell(action)
        return None

    def _tell(self, action: OfCouch) -> None:
        """What is one call to one instance's CouchDB."""
        match action:
            case CreateDatabases(name, databases, like):
                others = {database: self._instance(other) for database, other in like}
                self._couch.create_databases(self._instance(name), databases, self._credentials(), like=others)
            case PutSecurity(name, texts):
                self._couch.put_security(self._instance(name), dict(texts), self._credentials())
            case DropDatabases(name, databases):
                self._couch.drop_databases(self._instance(name), databases, self._credentials())
            case PutReplications(name, wanted):
                self._couch.put_replications(self._instance(name), wanted, self._instances(), self._credentials())
            case DeleteReplications(name, unwanted):
                self._couch.delete_replications(self._instance(name), unwanted, self._credentials())
            case PutFills(name, source, databases):
                self._couch.put_fills(self._instance(name), self._instance(source), databases, self._credentials())
            case DeleteFills(name):
                self._couch.delete_fills(self._instance(name), self._credentials())
            case Fence(name, nonce):
                self._couch.fence(self._instance(name), nonce, self._credentials())
            case Unfence(name):
                self._couch.unfence(self._instance(name), self._credentials())

    def _retire(self, action: Retire) -> Unproved | None:
        """The last look, and only then the deed."""
        leaver = self._instance(action.instance)
        if not (action.is_forced or action.is_begun):
            targets = [self._instance(name) for name in action.targets]
            why = self._couch.verify(leaver, action.nonce, action.proofs, targets, self._credentials())
            if why is not None:
                return Unproved(why)
            clashes = self._couch.copy_user_replications(leaver, targets[0], self._credentials())
            if clashes and not self._spec.force:
                return Unproved(f"{targets[0].name} has other replication documents of users under {clashes}")
        self._check()  # the last look may have taken as long as a lease
        self._platform.retire(self._spec, leaver, self._fence)
        return None

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


def apply(
    actions: Iterable[Action],
    hands: Hands,
    *,
    check: Callable[[], None],
    executor: Executor,
    learned: Callable[[Action, Fact], None] = lambda _action, _fact: None,
    failed: Callable[[Action, str], None] = lambda _action, _why: None,
) -> None:
    """Carry out the kinds in order, the actions of one kind at once.

    `check` raises LeaseLost when nothing more may be done (hazards H18). All actions of a kind are tried; `learned` has
    heard of what each brought back and `failed` of each that failed before the first error is raised, so that what one
    of them proved is not lost with another.
    """
    for _, group in groupby(actions, key=type):
        check()
        batch = list(group)
        futures = [executor.submit(hands.do, action) for action in batch[1:]]
        results = [attempt(hands, batch[0]), *(future.exception() or future.result() for future in futures)]
        for action, result in zip(batch, results, strict=True):
            if isinstance(result, Drained | Unproved):
                learned(action, result)
            elif isinstance(result, KantoError):
                failed(action, result.message)
        errors = [result for result in results if isinstance(result, BaseException)]
        if errors:
            raise errors[0]


def attempt(hands: Hands, action: Action) -> Fact | BaseException | None:
    """The first of a kind is done on this thread: most plans have one action of a kind."""
    try:
        return hands.do(action)
    except Exception as error:
        return error
