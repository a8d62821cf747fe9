"""Detail with conflicts=1: a worker counts because somebody asks, and nobody waits for ever."""

import anyio
import httpx
import pytest

from common.view import ConflictCount, Conflicts
from tests.api.golden import same
from tests.api.test_answers import still
from tests.api.world import TAG, until, world

pytestmark = pytest.mark.anyio

FOUND = Conflicts(
    0.0,
    "cdb-my-test-db1-dc4b27f2-0",
    (ConflictCount("_users", 0, is_complete=True), ConflictCount("big", 1200), ConflictCount("test")),
)


async def test_counts_to_the_byte() -> None:
    async with world(store=still()) as here:
        here.worker.conflicts = FOUND
        await here.create(replicas="1")
        same(await here.post("detail", cluster_tag=TAG, conflicts="1"), "detail_conflicts")


async def test_nobody_counts_unless_asked() -> None:
    async with world() as here:
        here.worker.conflicts = FOUND
        await here.create()
        answer = await here.post("detail", cluster_tag=TAG)
        assert "Conflicts" not in answer.json()["result"]
        assert here.worker.counts == 0
        assert (await here.post("detail", cluster_tag=TAG, conflicts="yes")).json()["code"] == "bad_option"


async def test_a_young_count_is_shown_to_all_who_ask() -> None:
    async with world() as here:
        here.worker.conflicts = FOUND
        await here.create()
        answers = [await here.post("detail", cluster_tag=TAG, conflicts="1") for _ in range(3)]
        shown = [answer.json()["result"]["Conflicts"] for answer in answers]
        assert shown[0] == shown[1] == shown[2]
        assert shown[0]["Databases"][1] == {"Database": "big", "Documents": 1200, "Complete": False}
        assert here.worker.counts == 1


async def test_a_count_that_does_not_come_in_time_is_null_and_there_for_the_next_who_asks() -> None:
    async with world() as here:
        await here.create()
        here.worker.conflicts = FOUND
        here.worker.may_work.clear()
        answer = await here.post("detail", {"cluster_tag": TAG, "conflicts": "1"}, headers={"Prefer": "wait=0"})
        assert answer.status_code == 200
        assert answer.json()["result"]["Conflicts"] is None
        here.worker.may_work.set()
        await until(lambda: here.worker.counts == 1)
        answer = await here.post("detail", {"cluster_tag": TAG, "conflicts": "1"})
        assert answer.json()["result"]["Conflicts"]["Instance"] == FOUND.instance
        assert here.worker.counts == 1


async def test_an_api_that_ends_keeps_nobody_waiting() -> None:
    async with world() as here:
        await here.create()
        here.worker.may_work.clear()
        answers: list[httpx.Response] = []

        async def ask() -> None:
            answers.append(await here.post("detail", cluster_tag=TAG, conflicts="1"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await until(lambda: here.service.waiters.count == 1)
            here.service.waiters.let_go()
        assert answers[0].json()["result"]["Conflicts"] is None
