"""Roles: what one worker at a time does for all clusters."""

from tests.contract.store.bench import Bench, MakeBench


def test_one_has_a_role_until_it_runs_out(bench: Bench) -> None:
    assert bench.store.hold_role("watcher", "worker-1", ttl=30)
    assert not bench.store.hold_role("watcher", "worker-2", ttl=30)
    bench.elapse(29)
    assert not bench.store.hold_role("watcher", "worker-2", ttl=30)
    bench.elapse(1)
    assert bench.store.hold_role("watcher", "worker-2", ttl=30)
    assert not bench.store.hold_role("watcher", "worker-1", ttl=30)


def test_whoever_has_it_extends_it(bench: Bench) -> None:
    assert bench.store.hold_role("watcher", "worker-1", ttl=30)
    bench.elapse(20)
    assert bench.store.hold_role("watcher", "worker-1", ttl=30)
    bench.elapse(20)
    assert not bench.store.hold_role("watcher", "worker-2", ttl=30)


def test_one_that_is_given_back_is_free_at_once(bench: Bench) -> None:
    assert bench.store.hold_role("watcher", "worker-1", ttl=30)
    assert not bench.store.hold_role("watcher", "worker-1", ttl=0)
    assert bench.store.hold_role("watcher", "worker-2", ttl=30)


def test_nobody_gives_back_what_another_has(bench: Bench) -> None:
    assert bench.store.hold_role("watcher", "worker-1", ttl=30)
    assert not bench.store.hold_role("watcher", "worker-2", ttl=0)
    assert not bench.store.hold_role("watcher", "worker-2", ttl=30)


def test_two_roles_are_two(bench: Bench) -> None:
    assert bench.store.hold_role("watcher", "worker-1", ttl=30)
    assert bench.store.hold_role("another", "worker-2", ttl=30)


def test_a_role_needs_no_rebuilt_store(make_bench: MakeBench) -> None:
    assert make_bench().store.hold_role("watcher", "worker-1", ttl=30)
