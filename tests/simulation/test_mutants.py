"""The simulation can fail: each deliberate defect breaks a promise within a stated number of histories."""

import pytest

from tests.simulation.defects import MUTANTS
from tests.simulation.mutants import Mutant
from tests.simulation.runs import first_caught, play
from tests.simulation.shrink import shrink


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_mutant_is_caught(mutant: Mutant) -> None:
    caught = first_caught(mutant)
    assert caught is not None, f"{mutant.name} ({mutant.hazard}) broke no promise in {mutant.seeds} histories"
    assert play(caught.plan).violation is None, "it is the mutant that breaks it"


def test_a_broken_promise_is_told_in_a_shorter_story() -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.name == "leave links into leavers")
    result = first_caught(mutant)
    assert result is not None
    short = shrink(result, mutant)
    assert short.violation is not None
    assert len(short.plan.events) <= min(len(result.plan.events), 2)
    assert play(short.plan).violation is None, "it is the mutant that breaks it"
