from datetime import UTC, datetime

import pytest

from worker.platforms.kubernetes.gate import build_gate
from worker.platforms.kubernetes.sizes import MADE_ONCE, build_cost, build_growth, build_shrink
from worker.platforms.kubernetes.spawners.spawner import find

from .clusters import SPAWNERS, a_frame


def test_growth_changes_the_number_and_nothing_else() -> None:
    assert build_growth(current=2, wanted=5, resource_version="7") == {
        "metadata": {"resourceVersion": "7"},
        "spec": {"replicas": 5},
    }


@pytest.mark.parametrize("wanted", [0, 3, 4])
def test_growth_never_lowers(wanted: int) -> None:
    assert build_growth(current=4, wanted=wanted, resource_version="7") is None


def test_shrinking_is_by_one_from_what_was_seen() -> None:
    assert build_shrink(current=6, wanted=5, resource_version="7")["metadata"] == {"resourceVersion": "7"}


@pytest.mark.parametrize(("current", "wanted"), [(6, 4), (6, 6), (6, 7), (0, -1)])
def test_no_other_shrinking_is_built(current: int, wanted: int) -> None:
    with pytest.raises(ValueError, match="by one"):
        build_shrink(current=current, wanted=wanted, resource_version="7")


def test_all_that_has_a_template_or_data_is_made_once() -> None:
    for spawner in SPAWNERS:
        for manifest in find(spawner).build(a_frame(spawner), [0, 1]):
            is_kept = "template" in manifest["spec"] or manifest["kind"] == "PersistentVolumeClaim"
            assert (manifest["kind"] in MADE_ONCE) == is_kept


def test_the_leaver_costs_least() -> None:
    cost = "controller.kubernetes.io/pod-deletion-cost"
    leaves, stays = (int(build_cost(leaves=leaves)["metadata"]["annotations"][cost]) for leaves in (True, False))
    assert leaves < stays == 0


@pytest.mark.parametrize(("serves", "status"), [(True, "True"), (False, "False")])
def test_the_gate_is_one_condition_of_the_pod(*, serves: bool, status: str) -> None:
    (condition,) = build_gate(serves=serves, at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("kanto/filled", status)
    assert condition["lastTransitionTime"] == "2026-01-02T03:04:05Z"
