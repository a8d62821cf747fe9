"""Carrying out a plan: kinds in order, all actions of a kind, and nothing lost that one of them brought back."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from common.cluster import ClusterSpec
from common.errors import KantoError, LeaseLost, TemporaryError
from worker.apply import Hands, apply
from worker.core.actions import Action, Drain, Fact, Fence, Retire, Unproved
from worker.core.observed import Drained, Observed, Platformed
from worker.ports import Couch, Platform

from .core.world import spec

Result = Fact | KantoError | None

PIECE = Drained(("large",), (), ())
AWAY = TemporaryError("instance_unclear", "b did not answer in time")


class Scripted(Hands):
    """Hands that bring back what they are told to, and know what they did."""

    def __init__(self, results: Mapping[Action, Result]) -> None:
        no_platform: Platform = None  # type: ignore[assignment]
        no_couch: Couch = None  # type: ignore[assignment]
        whole: ClusterSpec = spec()
        super().__init__(
            whole, Observed(Platformed()), fence=1, platform=no_platform, couch=no_couch, check=lambda: None
        )
        self._results = results
        self.did: list[Action] = []

    def do(self, action: Action) -> Fact | None:
        self.did.append(action)
        result = self._results.get(action)
        if isinstance(result, KantoError):
            raise result
        return result


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def to(target: str) -> Drain:
    return Drain("leaver", "id-leaver", target, ())


def retire(name: str) -> Retire:
    return Retire(name, f"id-{name}", "nonce", (), proofs=())


@pytest.mark.parametrize("failing", ["a", "b"])
def test_what_one_brought_back_is_told_though_another_of_its_kind_failed(
    executor: ThreadPoolExecutor, failing: str
) -> None:
    well = {"a": "b", "b": "a"}[failing]
    facts: list[tuple[Action, Fact]] = []
    failures: list[tuple[Action, str]] = []
    with pytest.raises(TemporaryError, match="did not answer"):
        apply(
            [to("a"), to("b")],
            Scripted({to(well): PIECE, to(failing): AWAY}),
            check=lambda: None,
            executor=executor,
            learned=lambda action, fact: facts.append((action, fact)),
            failed=lambda action, why: failures.append((action, why)),
        )
    assert facts == [(to(well), PIECE)]
    assert failures == [(to(failing), AWAY.message)]


def test_what_a_kind_brought_back_is_told_though_the_lease_is_lost_before_the_next(
    executor: ThreadPoolExecutor,
) -> None:
    facts: list[tuple[Action, Fact]] = []
    hands = Scripted({to("a"): PIECE})
    checks = iter((None, LeaseLost("another has it")))

    def check() -> None:
        if (lost := next(checks)) is not None:
            raise lost

    with pytest.raises(LeaseLost):
        apply(
            [to("a"), retire("leaver")],
            hands,
            check=check,
            executor=executor,
            learned=lambda action, fact: facts.append((action, fact)),
        )
    assert facts == [(to("a"), PIECE)]
    assert hands.did == [to("a")]


def test_after_a_failure_all_of_its_kind_are_tried_and_no_other(executor: ThreadPoolExecutor) -> None:
    fences = [Fence(name, "nonce") for name in ("a", "b", "c")]
    hands = Scripted({fences[0]: AWAY})
    with pytest.raises(TemporaryError):
        apply([*fences, retire("a")], hands, check=lambda: None, executor=executor)
    assert set(hands.did) == set(fences)


def test_facts_come_in_the_order_of_the_plan(executor: ThreadPoolExecutor) -> None:
    facts: list[tuple[Action, Fact]] = []
    apply(
        [to("a"), to("b"), retire("leaver")],
        Scripted({to("a"): PIECE, to("b"): PIECE, retire("leaver"): Unproved("something came since")}),
        check=lambda: None,
        executor=executor,
        learned=lambda action, fact: facts.append((action, fact)),
    )
    assert [action for action, _ in facts] == [to("a"), to("b"), retire("leaver")]
