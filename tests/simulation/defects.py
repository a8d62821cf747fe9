"""The mutants: two dozen and more ways to break kanto, each as small as the mistake that somebody might make."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from common.cluster import ClusterKey, ClusterSpec, MirrorRecord
from common.store.port import Lease, Outcome
from common.store.rules import milliseconds
from tests.simulation.mutants import Mutant
from tests.simulation.platform import SimulatedPlatform
from tests.twins import platform as twin_platform
from tests.twins.couch import adapter as twin_couch
from tests.twins.couch import drain as twin_drain
from tests.twins.couch.adapter import MemoryCouch
from tests.twins.couch.world import Server
from tests.twins.store import state as twin_state
from tests.twins.store import store as twin_store
from tests.twins.store.state import KeptCluster, State
from worker import step
from worker.core import crashes, decide, leaving, losses, parting, rules
from worker.core.memory import Leaving
from worker.core.observed import Fence, Instance, Platformed, Proof, Unknown
from worker.core.ring import Wanted
from worker.core.says import Says
from worker.core.situation import Situation
from worker.couch import documents, reports
from worker.couch.documents import Document
from worker.ports import Credentials

Rule = Callable[[Situation], Says]

verify, to_give = twin_drain.verify, twin_drain.to_give
endpoint, release, due_keys = documents._endpoint, twin_store._release, twin_state.State.due_keys
left, is_filled = parting.left, Situation.is_filled


def drained_first() -> tuple[Any, str, Any]:
    others = [rule for rule in decide.RULES if rule is not leaving.leavers_are_drained]
    at = others.index(leaving.leavers_are_fenced)
    return decide, "RULES", (*others[:at], leaving.leavers_are_drained, *others[at:])


def without(rule: Rule) -> tuple[Any, str, Any]:
    return decide, "RULES", tuple(r for r in decide.RULES if r is not rule)


# the fence


class LabelOnly(MemoryCouch):
    """The nonce is written, and nothing that would hold a user off."""

    def fence(self, instance: Instance, nonce: str, credentials: Credentials) -> None:
        self._command(instance, credentials, lambda server: setattr(server, "fenced", nonce))


def by_its_label(server: Server) -> Fence | None:
    return Fence(server.fenced) if server.fenced is not None else None


def by_its_walls(server: Server) -> Fence | None:
    return Fence(server.walls) if server.walls is not None else None


def verify_unfenced(leaver: Server, nonce: str, proofs: Sequence[Proof], survivors: Mapping[str, Server]) -> str | None:
    return verify(replace(leaver, fenced=nonce, walls=nonce), nonce, proofs, survivors)


def left_for_good(s: Situation, known: Leaving | None, instance: Instance) -> Leaving:
    """Once fenced, for ever fenced."""
    found = left(s, known, instance)
    if known is None or not known.is_fenced:
        return found
    kept = {"proved_at": known.proved_at, "databases": known.databases, "proofs": known.proofs}
    return replace(found, is_fenced=True, **kept)  # type: ignore[arg-type]


def was_fenced(s: Situation, instance: Instance) -> bool:
    return leaving.of(s.memory, instance).is_fenced


def left_proved(s: Situation, known: Leaving | None, instance: Instance) -> Leaving:
    """What was proved stays proved, fence or no fence."""
    found = left(s, known, instance)
    return found if known is None else replace(found, databases=known.databases, proofs=known.proofs)


# the proof


def verify_nothing(*_: object) -> None:
    return None


def give_saved_only(server: Server) -> tuple[str, ...]:
    return tuple(name for name in to_give(server) if name in ("_users", "test"))


def is_of_whatever(*_: object) -> bool:
    """A proof is taken for one of the data that are there now."""
    return True


def pull_from_the_checkpoint(
    database: str, source: Instance, receiver: Instance, credentials: Credentials, found: Mapping[str, Any] | None
) -> Document:
    """A pull that is complete and left something out goes on where it ended."""
    return documents.kick(documents.build_fill(database, source, receiver, credentials), found)


# replications


def unmarked(address: str, database: str, credentials: Credentials, mark: str | None = None) -> Document:  # noqa: ARG001
    """Without the header that gives kanto's replications ids of their own."""
    return endpoint(address, database, credentials)


# the store


def release_and_forget(state: State, kept: KeptCluster, lease: Lease, outcome: Outcome, now: int) -> None:
    """Who woke the cluster while the step ran is overwritten by the step's own due time."""
    release(state, kept, lease, outcome, now)
    state.due[lease.key] = now + milliseconds(outcome.due_in)


def only_what_is_past(state: State, now: int) -> list[ClusterKey]:
    """A due time is believed however far away it is."""
    return [key for key in due_keys(state, now) if state.due[key] <= now]


def never_late(*_: object) -> bool:
    return False


# the platform


class EmptyWhenUnknown(SimulatedPlatform):
    def observe(self, spec: ClusterSpec) -> Platformed | Unknown:
        seen = super().observe(spec)
        return Platformed() if isinstance(seen, Unknown) else seen


class NoRecordsWhenUnknown(SimulatedPlatform):
    def records(self) -> Iterable[MirrorRecord] | Unknown:
        found = super().records()
        return () if isinstance(found, Unknown) else found


class ShrinkingProvision(SimulatedPlatform):
    """The workload is applied with as many replicas as the spec says (hazards H1)."""

    def provision(self, spec: ClusterSpec, keep: Sequence[str], fence: int) -> None:
        super().provision(spec, keep, fence)
        name = self._name(spec)
        for instance in list(self.clusters[name].instances.values())[spec.replicas :]:
            self._drop(name, instance)


class RetiresTheFirst(SimulatedPlatform):
    """The controller chooses who leaves (hazards H4)."""

    def retire(self, spec: ClusterSpec, instance: Instance, fence: int) -> None:
        seen = self.observe(spec)
        if isinstance(seen, Platformed) and any(i.identity == instance.identity for i in seen.instances):
            super().retire(spec, seen.instances[0], fence)


class NewLogins(SimulatedPlatform):
    """Each provision makes kanto's login anew (hazards H26)."""

    def provision(self, spec: ClusterSpec, keep: Sequence[str], fence: int) -> None:
        super().provision(spec, keep, fence)
        number = self._number()
        name = self._name(spec)
        self.clusters[name] = replace(self.clusters[name], credentials=Credentials(f"kanto-{number}", "another"))


# CouchDB


class DeletesAll(MemoryCouch):
    """A user's own document is taken for one of kanto's."""

    def delete_replications(self, instance: Instance, unwanted: Sequence[Wanted], credentials: Credentials) -> None:
        super().delete_replications(instance, unwanted, credentials)
        self._command(instance, credentials, lambda server: forget(server, "own-"))


def forget(server: Server, prefix: str) -> None:
    for doc_id in [doc_id for doc_id in server.documents if doc_id.startswith(prefix)]:
        del server.documents[doc_id]


class TwoWrites(MemoryCouch):
    """The old login goes, and the new one comes with the next look."""

    def put_login(self, instance: Instance, user: str, line: str, credentials: Credentials) -> None:
        def act(server: Server) -> None:
            lines = server.lines or {}
            server.lines = {} if user in lines else {**lines, user: line}

        self._command(instance, credentials, act)


# the rules


def goes_at_once(s: Situation) -> Says:
    """Break before make."""
    pretended: Any = _Running(s)
    return rules.what_is_not_wanted_goes(pretended)


class _Running:
    """A situation in which every link is said to run, between all there are."""

    def __init__(self, s: Situation) -> None:
        self._s = s
        self.is_ring_running, self.unfilled, self.members = True, (), s.up

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s, name)


def breaking_first() -> tuple[Any, str, Any]:
    others = [rule for rule in decide.RULES if rule is not rules.what_is_not_wanted_goes]
    at = others.index(rules.the_ring_is_made)
    return decide, "RULES", (*others[:at], goes_at_once, *others[at:])


def answers_at_all(s: Situation, name: str) -> bool:
    return name in s.nodes


def does_nothing(*_: object) -> None:
    return None


SHRINKS = ("scale down", "scale down", "scale up")

MUTANTS = (
    Mutant(
        "skip the fence",
        "H8",
        60,
        couch=LabelOnly,
        parts=((twin_couch, "fence_of", by_its_label), (twin_drain, "verify", verify_unfenced)),
    ),
    Mutant(
        "take a half-made fence for whole",
        "H8",
        60,
        parts=((twin_couch, "fence_of", by_its_walls), (twin_drain, "verify", verify_unfenced)),
    ),
    Mutant(
        "prove before fencing",
        "H8",
        60,
        parts=(
            drained_first(),
            (leaving, "are_all_fenced", leaving.is_closed),
            (parting, "left", left_proved),
            (twin_drain, "verify", verify_unfenced),
        ),
    ),
    Mutant(
        "forget that a restarted instance lost its fence",
        "H9",
        400,
        (*SHRINKS, "fence forgotten"),
        parts=(
            (parting, "left", left_for_good),
            (leaving, "is_fenced", was_fenced),
            (twin_drain, "verify", verify_unfenced),
        ),
    ),
    Mutant("drain only saved databases", "H15", 200, parts=((twin_drain, "to_give", give_saved_only),)),
    Mutant(
        "leave links into leavers",
        "H10",
        60,
        parts=(without(leaving.nothing_flows_in), (leaving, "flows_into_leavers", lambda _: {})),
    ),
    Mutant(
        "wait for a due time beyond the horizon",
        "H19",
        200,
        ("clock steps", *SHRINKS),
        parts=((twin_state.State, "due_keys", only_what_is_past),),
    ),
    Mutant(
        "ignore the fencing number",
        "H18",
        400,
        (*SHRINKS, "worker pauses"),
        parts=((twin_platform, "_check_fence", lambda *_: None),),
    ),
    Mutant("delete links before making", "5.4", 60, parts=(breaking_first(),)),
    Mutant(
        "treat an unknown platform as empty",
        "5.8",
        400,
        ("delete", "create", "platform away", "platform breaks off", "platform deaf"),
        platform=EmptyWhenUnknown,
    ),
    Mutant(
        "rebuild from an unknown platform",
        "H22",
        400,
        ("platform away", "Redis lost", "scale up"),
        platform=NoRecordsWhenUnknown,
    ),
    Mutant("serve before filled", "H5", 60, parts=((Situation, "is_filled", answers_at_all),)),
    Mutant("let provision shrink", "H1", 200, platform=ShrinkingProvision),
    Mutant("let the platform choose who leaves", "H4", 60, platform=RetiresTheFirst),
    Mutant("make kanto's login anew", "H26", 60, platform=NewLogins),
    Mutant(
        "act before the mirror",
        "H21",
        200,
        ("Redis lost", *SHRINKS),
        parts=((step.Turn, "_keep_mirror", does_nothing),),
    ),
    Mutant("bring nothing back", "H23", 200, parts=((twin_state.State, "bring_back", does_nothing),)),
    Mutant("delete users' documents", "4", 400, ("own replication", *SHRINKS), couch=DeletesAll),
    Mutant(
        "say ready too early",
        "ready",
        60,
        parts=(
            (decide, "HARMLESS", decide.HARMLESS | {"link_not_running", "link_missing"}),
            (decide, "NOTES", decide.NOTES | {"link_not_running", "link_missing"}),
        ),
    ),
    Mutant(
        "hide what the platform destroyed",
        "H6",
        200,
        ("instance emptied", "scale up"),
        parts=(without(losses.what_was_lost_is_told),),
    ),
    Mutant(
        "never kick",
        "7",
        200,
        ("server down", "link cut", "instance moves", "scale up"),
        parts=(without(rules.what_backs_off_is_kicked),),
    ),
    Mutant(
        "take a link for one that runs before it has reached its target",
        "ready",
        400,
        ("link cut", "scale up"),
        parts=((twin_couch, "without_unopened", lambda rows, _: rows),),
    ),
    Mutant(
        "take altered documents for sound",
        "5.4",
        200,
        ("replication altered", "scale up"),
        parts=((reports, "is_sound", lambda *_: True),),
    ),
    Mutant(
        "leave those fenced who stay",
        "H23",
        200,
        ("cancel", *SHRINKS),
        parts=(without(rules.whoever_stays_is_unfenced),),
    ),
    Mutant("change the password in two writes", "decision 13", 60, ("password", "scale up"), couch=TwoWrites),
    Mutant(
        "keep the old password where one was away",
        "decision 13",
        200,
        ("password", "server down", "server mute"),
        parts=(without(rules.the_login_is_one_everywhere),),
    ),
)

OTHERS_PROOF = Mutant("trust a proof whoever is there now", "H11", parts=((twin_drain, "is_of", is_of_whatever),))
OTHERS_IDS = Mutant(
    "replicate under the id of a user's own replication", "H14", parts=((documents, "_endpoint", unmarked),)
)
ENDLESS = Mutant("look at no deadline", "H24", parts=((twin_state, "is_late", never_late),))
OFFERED_ONCE = Mutant(
    "offer what was refused no more", "H23", parts=((twin_drain, "build_pull", pull_from_the_checkpoint),)
)
BELIEVED = Mutant(
    "take a link that is begun again for one that runs",
    "ready",
    parts=((crashes, "is_unproved", lambda *_: False),),
)
OVERWRITTEN = Mutant(
    "overwrite a wake-up at the end of a step", "H19", parts=((twin_store, "_release", release_and_forget),)
)
UNLOOKED = Mutant("retire without a last look", "H12", parts=((twin_drain, "verify", verify_nothing),))
OLDER = Mutant("let an older spec replace a newer mirror", "H21", parts=((twin_platform, "is_news", lambda *_: True),))
"""These are caught by a history told by hand (`test_told.py`), which chance makes too seldom."""
