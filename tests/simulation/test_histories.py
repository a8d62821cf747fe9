"""A few whole histories, each from a seed. `python -m tests.simulation FIRST LAST` plays many."""

import pytest

from tests.simulation.history import History


@pytest.mark.parametrize("seed", range(8))
def test_a_history_breaks_no_promise(seed: int) -> None:
    history = History(seed)
    try:
        history.run()
    except AssertionError as error:
        error.add_note(f"seed {seed}:\n" + "\n".join(history.story[-40:]))
        raise
