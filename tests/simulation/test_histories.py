"""A few hundred fixed histories and as many fresh ones. `make simulate SEEDS=...` plays more, or one again.

CI plays the same ones each time, as it tries the same examples of properties: it says what a change broke.
"""

import os
import secrets
from collections import Counter

import pytest

from tests.simulation.__main__ import told
from tests.simulation.faults import FAULTS
from tests.simulation.plan import build_plan
from tests.simulation.runs import play
from tests.simulation.shrink import shrink
from tests.simulation.users import ACTIONS

FIXED, FRESH, AT_ONCE = 300, 300, 50
START = 10**6 if os.environ.get("CI") else secrets.randbelow(10**9)


def check(seeds: range) -> None:
    broken = [result for result in (play(build_plan(seed)) for seed in seeds) if result.violation is not None]
    seen = ", ".join(str(result.plan.seed) for result in broken)
    shown = told(shrink(broken[0])) if broken else ""
    assert not broken, f"seeds {seen} broke a promise (make simulate SEEDS=n=SEED plays one again)\n{shown}"


@pytest.mark.parametrize("first", range(0, FIXED, AT_ONCE))
def test_fixed_histories_keep_every_promise(first: int) -> None:
    check(range(first, first + AT_ONCE))


@pytest.mark.parametrize("first", range(0, FRESH, AT_ONCE))
def test_fresh_histories_keep_every_promise(first: int) -> None:
    check(range(START + first, START + first + AT_ONCE))


def test_one_seed_gives_one_history() -> None:
    plans = [build_plan(seed) for seed in (3, 5, 8)]
    first, again = ([play(plan) for plan in plans] for _ in range(2))
    assert [(r.counts, r.seconds, r.writes) for r in first] == [(r.counts, r.seconds, r.writes) for r in again]


def test_the_fixed_histories_have_every_fault_and_all_that_users_do() -> None:
    counts = Counter(event.kind for seed in range(FIXED) for event in build_plan(seed).events)
    seldom = {kind: counts[kind] for kind in (*FAULTS, *ACTIONS) if counts[kind] < 10}
    assert not seldom
