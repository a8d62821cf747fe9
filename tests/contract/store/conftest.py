"""Each test of this suite runs on the twin and on a real Redis server."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from common.store.port import Store
from tests.contract.store.bench import Bench, MakeBench, RedisBench, TwinBench


@pytest.fixture(params=["twin", "redis"])
def make_bench(request: pytest.FixtureRequest) -> Iterator[MakeBench]:
    with ExitStack() as ends:

        def make(*, keep_jobs: float = 3600.0) -> Bench:
            bench: Bench
            if request.param == "twin":
                bench = TwinBench(keep_jobs=keep_jobs)
            else:
                bench = RedisBench(request.getfixturevalue("shared_redis"), keep_jobs=keep_jobs)
            ends.callback(bench.close)
            return bench

        yield make


@pytest.fixture
def new_bench(make_bench: MakeBench) -> Bench:
    """A bench with a store that holds nothing and was never rebuilt."""
    return make_bench()


@pytest.fixture
def bench(new_bench: Bench) -> Bench:
    """A bench with a store that is in use and empty."""
    new_bench.store.rebuild(())
    return new_bench


@pytest.fixture
def store(bench: Bench) -> Store:
    return bench.store
