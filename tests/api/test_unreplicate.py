"""Databases are taken off the saved list, and dropped if the user says so."""

import httpx
import pytest

from common.cluster import ClusterKey, ClusterSpec
from common.jobs import JobError
from tests.api.golden import same
from tests.api.test_answers import still
from tests.api.world import TAG, USER, World, world

pytestmark = pytest.mark.anyio


def spec_of(here: World) -> ClusterSpec:
    record = here.store.cluster(ClusterKey(USER, TAG))
    assert record is not None
    return record.spec


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_unreplicate_to_the_byte() -> None:
    async with world(store=still()) as here:
        await here.create(replicas="1")
        same(await here.post("unreplicate", cluster_tag=TAG, databases="test"), "unreplicate")


async def test_what_it_says_is_so_afterwards_however_often_it_is_said() -> None:
    async with world() as here:
        await here.create()
        for _ in range(2):
            answer = await here.post("unreplicate", cluster_tag=TAG, databases="test,never")
            assert answer.json()["result"]["Databases"] == ["_users"]
        assert spec_of(here).drop is None
        await here.post("replicate", cluster_tag=TAG, databases="test")
        assert spec_of(here).databases == ("_users", "test")


async def test_each_drop_is_one_of_its_own() -> None:
    async with world() as here:
        await here.create()
        ids = set()
        for _ in range(2):
            assert (await here.post("unreplicate", cluster_tag=TAG, databases="test", drop="1")).status_code == 200
            drop = spec_of(here).drop
            assert drop is not None
            assert drop.databases == ("test",)
            ids.add(drop.id)
        assert len(ids) == 2


async def test_a_drop_that_fails_ends_with_its_job() -> None:
    async with world() as here:
        await here.create()
        here.worker.error = JobError("job_failed", "one does not answer", "Start it")
        answer = await here.post("unreplicate", cluster_tag=TAG, databases="test", drop="1")
        assert code_of(answer) == (502, "job_failed")
        assert (spec_of(here).databases, spec_of(here).drop) == (("_users",), None)


async def test_a_canceled_one_brings_the_list_back() -> None:
    async with world() as here:
        await here.create()
        here.worker.may_work.clear()
        begun = await here.post("unreplicate", {"cluster_tag": TAG, "databases": "test", "drop": "1", "async": "1"})
        undone = (await here.post("cancel", job_id=begun.json()["job"])).json()["result"]["Undone"]
        assert undone.startswith("the saved list goes back to _users, test; what was dropped already")
        assert (spec_of(here).databases, spec_of(here).drop) == (("_users", "test"), None)


async def test_everything_is_taken_off_by_a_star_and_not_by_a_name() -> None:
    async with world() as here:
        await here.create()
        await here.post("replicate", cluster_tag=TAG, databases="*")
        answer = await here.post("unreplicate", cluster_tag=TAG, databases="test")
        assert code_of(answer) == (400, "bad_databases")
        assert "databases=*" in answer.json()["error_detail"]
        assert spec_of(here).all_databases
        assert (await here.post("unreplicate", cluster_tag=TAG, databases="*")).status_code == 200
        assert (spec_of(here).databases, spec_of(here).all_databases) == (("_users", "test"), False)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "missing_databases"),
        ({"databases": "Test"}, "bad_databases"),
        ({"databases": "test", "drop": "yes"}, "bad_option"),
        ({"databases": "_users", "drop": "1"}, "bad_databases"),
        ({"databases": "*", "drop": "1"}, "bad_databases"),
    ],
)
async def test_a_mistake_changes_nothing(fields: dict[str, str], code: str) -> None:
    async with world() as here:
        await here.create()
        former = spec_of(here)
        assert code_of(await here.post("unreplicate", {"cluster_tag": TAG, **fields})) == (400, code)
        assert spec_of(here) == former
