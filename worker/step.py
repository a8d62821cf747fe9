"""One short run of observe, decide, apply on one cluster: the loop that everything kanto does goes through."""

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from common.cluster import ClusterKey, ClusterSpec, MirrorRecord
from common.codec import decode
from common.errors import KantoError, LeaseLost, OlderCopy, StoreUnavailable, TemporaryError
from common.log import bound, get
from common.store.port import Lease, Outcome
from worker import counting, outcome
from worker.apply import Hands, apply
from worker.core import parting, remember, security, status
from worker.core.actions import Action, Apply, Fact
from worker.core.decide import decide
from worker.core.memory import Memory, Policy
from worker.core.observed import Unknown
from worker.meter import Meter
from worker.observe import observe
from worker.outcome import Look
from worker.ports import Clock, Couch, Platform, Store
from worker.times import Times

log = get(__name__)


@dataclass(frozen=True, slots=True)
class Engine:
    """The ports and settings a step needs. `holding` renews the lease while it is entered; `jitter` gives 0..1.

    `doubt` hears that the store is older than the platform's mirror, so that the mirrors are read again.
    """

    store: Store
    platform: Platform
    couch: Couch
    clock: Clock
    executor: Executor
    policy: Policy
    owner: str
    lease_seconds: float
    holding: Callable[[Lease], AbstractContextManager[None]]
    jitter: Callable[[], float]
    meter: Meter = field(default_factory=Meter)
    doubt: Callable[[], None] = lambda: None

    @property
    def times(self) -> Times:
        """How long a step and its calls may take under leases of this length."""
        return Times.within(self.lease_seconds)


def step(engine: Engine, key: ClusterKey) -> None:
    """Take the lease of one cluster, bring it as far as a step may, give the lease back. Safe to run at any time.

    A lease that is lost in the middle ends the step at once: whoever has it now goes on from what is there.
    """
    began = engine.clock.monotonic()
    lease = engine.store.acquire(key, engine.owner, ttl=engine.lease_seconds)
    if lease is None:
        return
    turn = Turn(engine, lease, began)
    end = "failed"
    with engine.holding(lease), bound(**turn.ids()):
        try:
            turn.open()
            look = turn.round()
            while isinstance(look.plan, Apply) and turn.age() < engine.times.step:
                look = turn.round()
            result = turn.counted(look, outcome.of_look(look, jitter=engine.jitter()))
            end = type(look.plan).__name__.lower()
        except LeaseLost as lost:
            result = turn.given_up(lost)
            end = "lost"
        except KantoError as error:
            result = turn.failed(error)
        except Exception as error:
            log.exception("step_broke", cluster=str(key))
            result = turn.failed(TemporaryError("internal", f"kanto met an error of its own: {type(error).__name__}"))
        turn.release(result)
    engine.meter.stepped(end, turn.age(), result.reasons or ())


def spec_of(lease: Lease) -> ClusterSpec:
    """The spec to bring about: the record's, whose `force` is the word of the job that brought it, and ends with it."""
    spec, job = lease.record.spec, lease.job
    is_its_job = job is not None and job.version == lease.record.version
    return spec if is_its_job else replace(spec, force=False)


class Turn:
    """One lease's worth of work on one cluster."""

    def __init__(self, engine: Engine, lease: Lease, began: float) -> None:
        self._engine = engine
        self._lease = lease
        self._spec = spec_of(lease)
        self._view = lease.record.view
        self._began = began
        self._memory = self._before = Memory(durable=lease.record.durable)
        self._is_claimed = False
        self._is_open = False

    def open(self) -> None:
        """Read what `decide` remembers; PermanentError for a record that this kanto cannot read."""
        record = self._lease.record
        if record.memory:
            self._memory = decode(Memory, record.memory).but(durable=record.durable)
        if record.gone:
            self._memory = self._memory.but(removed=False)  # what came late is removed again (hazards H18)
        self._before = self._memory
        self._is_open = True

    def ids(self) -> dict[str, str]:
        """What every line of this step in the log says: the job, and the request that it came from."""
        job = self._lease.job
        return {"job": job.id, "request_id": job.request_id} if job is not None else {}

    def age(self) -> float:
        return self._engine.clock.monotonic() - self._began

    def round(self) -> Look:
        """Look, decide and do; the actions of the plan have been carried out when this returns."""
        engine, record = self._engine, self._lease.record
        now = self._lease.now + self.age()
        asked = security.asked(self._spec, self._memory, now)
        observed = observe(self._spec, engine.platform, engine.couch, security=asked)
        plan, self._memory = decide(
            self._spec, observed, self._memory, now, version=record.version, policy=engine.policy
        )
        is_known = not isinstance(observed.platform, Unknown)
        if is_known and not record.gone:
            self._keep_mirror(acts=isinstance(plan, Apply))
        look = Look(record, self._lease.job, observed, plan, self._memory, self._before, now, engine.policy)
        if isinstance(plan, Apply):
            self._claim()
            begun = outcome.underway(look)
            engine.store.save(self._lease, begun)
            self._view = begun.view
            log.info("acts", cluster=str(self._lease.key), step=status.describe(plan), fence=self._lease.fence)

            def check() -> None:
                engine.store.check(self._lease)

            hands = Hands(
                self._spec,
                observed,
                fence=self._lease.fence,
                platform=engine.platform,
                couch=engine.couch,
                check=check,
                piece_seconds=engine.times.piece,
            )

            def failed(action: Action, why: str) -> None:
                self._memory = remember.refused(self._memory, action, why, now)

            def learned(action: Action, fact: Fact) -> None:
                self._memory = parting.learned(self._memory, [(action, fact)], now=now)

            apply(plan.actions, hands, check=check, executor=engine.executor, learned=learned, failed=failed)
            self._memory = remember.carried_out(self._memory, plan.actions, observed)
            look = replace(look, memory=self._memory)  # a step that ends here keeps what its actions brought back
        return look

    def counted(self, look: Look, result: Outcome) -> Outcome:
        """With a count of conflicts, if somebody waits for one and the step is young enough; else the next one does."""
        if not self._lease.is_to_count:
            return result
        seconds = self._engine.times.piece
        if self.age() > seconds:
            return replace(result, due_in=0.0)
        databases = result.view.databases if result.view is not None else ()
        found = counting.count(look, self._engine.platform, self._engine.couch, databases=databases, seconds=seconds)
        return replace(result, conflicts=found)

    def _claim(self) -> None:
        """Before this lease's first effect, so that nothing of an earlier owner comes through later (hazards H18)."""
        if not self._is_claimed:
            self._engine.store.check(self._lease)
            self._engine.platform.claim(self._lease.record.spec, self._lease.fence)
            self._is_claimed = True

    def _keep_mirror(self, *, acts: bool) -> None:
        """Write the mirror before any effect of a spec and whenever what outlives Redis changes (hazards H21, H25).

        Before a lease's first effect it is written in any case: a Redis that is an older copy remembers that it wrote
        its own spec, and only the platform knows that a newer one came since. It refuses the older one.
        """
        record = self._lease.record
        current = (record.version, self._memory.durable)
        if self._memory.mirrored == current and (self._is_claimed or not acts):
            return
        self._seal()
        self._claim()
        self._engine.platform.mirror(
            MirrorRecord(
                record.spec,
                record.version,
                record.owner_hash,
                self._memory.durable,
                self._lease.fence,
                is_disabled=record.is_disabled,
            )
        )
        self._memory = self._memory.but(mirrored=current)

    def _seal(self) -> None:
        """A delete that the mirror may tell of can be canceled no more, and its job says so first (hazards H23)."""
        job = self._lease.job
        if self._lease.record.spec.deleted and job is not None and not job.is_sealed:
            self._engine.store.save(self._lease, Outcome(due_in=0.0, seals=True))
            self._engine.store.check(self._lease)

    def failed(self, error: KantoError) -> Outcome:
        cause = repr(error.__cause__) if error.__cause__ else None
        log.warning("step_failed", cluster=str(self._lease.key), code=error.code, error=error.detail, cause=cause)
        if isinstance(error, OlderCopy):
            self._engine.doubt()
        job, policy = self._lease.job, self._engine.policy
        result = outcome.of_error(error, job=job, before=self._before, memory=self._memory, policy=policy)
        if not self._is_open:
            result = replace(result, memory=None)  # what cannot be read is kept for a kanto that can
        return replace(result, view=outcome.with_error(self._view, error))

    def given_up(self, lost: LeaseLost) -> Outcome:
        log.info("step_given_up", cluster=str(self._lease.key), why=lost.message)
        return Outcome(due_in=0.0)

    def release(self, result: Outcome) -> None:
        """Give the lease back. If Redis is away it runs out by itself: the cluster is due again by then."""
        job = self._lease.job
        try:
            self._engine.store.release(self._lease, result)
            if result.ended is not None and job is not None:
                code = result.error.code if result.error else None
                self._engine.meter.ended(job, result.ended, self._lease.now + self.age() - job.created_at)
                log.info(
                    "job_ended",
                    kind=str(job.kind),
                    cluster=str(self._lease.key),
                    status=str(result.ended),
                    code=code,
                )
        except LeaseLost:
            log.info("lease_was_lost", cluster=str(self._lease.key))
        except StoreUnavailable as away:
            log.warning("release_failed", cluster=str(self._lease.key), error=away.message)
