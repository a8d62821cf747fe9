from itertools import islice

from tests.faults.plan import WEIGHTS, Fault, faults

LEASE, BRIDGE_AFTER = 4.0, 5.0


def some(seed: int, count: int = 300) -> list[Fault]:
    return list(islice(faults(seed, lease=LEASE, bridge_after=BRIDGE_AFTER, pause=2.0), count))


def test_one_seed_gives_the_same_faults_again() -> None:
    assert some(7) == some(7)
    assert some(7) != some(8)


def test_every_kind_comes_once_before_any_comes_twice() -> None:
    assert {fault.kind for fault in some(7, len(WEIGHTS))} == set(WEIGHTS)


def test_a_cut_outlasts_a_bridge() -> None:
    cuts = [fault for fault in some(7) if fault.kind.startswith("cut")]
    assert cuts
    assert all(fault.lasting > BRIDGE_AFTER for fault in cuts)


def test_processes_are_held_still_for_less_than_a_lease_and_for_more() -> None:
    held = [fault.lasting for fault in some(7) if fault.kind.startswith("hold")]
    assert min(held) < LEASE < max(held)
