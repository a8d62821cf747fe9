"""The times of a step and its calls, bound to the lease (hazards H18)."""

import pytest

from common.settings import LEAST_LEASE
from worker.times import Times

LEASES = (LEAST_LEASE, 4.0, 6.0, 9.9, 12.0, 15.0, 60.0)


@pytest.mark.parametrize("lease", LEASES)
def test_no_call_outlives_what_is_left_of_a_lease_that_is_renewed(lease: float) -> None:
    """A lease is renewed each third of it: two thirds are left when a call begins."""
    times = Times.within(lease)
    assert max(times.look, times.command, times.piece) <= lease * 2 / 3
    assert times.connect + times.read <= lease


@pytest.mark.parametrize("lease", LEASES)
def test_a_last_round_that_begins_late_ends_its_longest_call_within_the_lease(lease: float) -> None:
    times = Times.within(lease)
    assert 0 < times.step <= lease - times.command


def test_the_usual_lease_and_longer_ones_leave_the_usual_times() -> None:
    assert Times.within(15.0) == Times() == Times.within(60.0)
