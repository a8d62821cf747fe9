"""A short run of what `make faults` does for as long as one likes."""

import secrets
from pathlib import Path

import pytest

from tests.e2e.service import NEEDS_COUCHDB
from tests.faults.life import ROUNDS, Life

SECONDS = 60.0
"""Of faults. With what comes before and after, and the rounds that are left then, it is two minutes and a half."""


@pytest.mark.timeout(900)
@NEEDS_COUCHDB
def test_every_acknowledged_write_is_on_every_survivor(tmp_path: Path) -> None:
    """`python -m tests.faults MINUTES SEED` plays a seed again, as far as a machine can do the same twice."""
    seed = secrets.randbelow(10**6)
    print(f"seed {seed}")
    life = Life(tmp_path, seed=seed, seconds=SECONDS)
    try:
        account = life.run()
    finally:
        print("\n".join(life.account.log))
    print(account)
    assert not account.lost, str(account)
    assert account.rounds >= ROUNDS
    assert account.acknowledged > 1_000
    befell = set(account.faults)
    assert befell >= {"kill a worker", "hold a worker still", "kill an instance"}
    assert befell & {"cut a link", "cut an instance off"}
