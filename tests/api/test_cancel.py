"""Cancel, as a form and as DELETE of the job: what is answered, and what is left."""

from typing import Any

import anyio
import httpx
import pytest

from common.cluster import ClusterKey, ClusterSpec
from common.store.port import Outcome
from tests.api.golden import same
from tests.api.test_answers import still
from tests.api.world import ME, TAG, TOKEN, USER, World, until, world

pytestmark = pytest.mark.anyio

KEY = ClusterKey(USER, TAG)


def spec_of(here: World) -> ClusterSpec:
    record = here.store.cluster(KEY)
    assert record is not None
    return record.spec


async def begun(here: World, operation: str, **fields: str) -> str:
    """The id of a job that no worker works on."""
    here.worker.may_work.clear()
    answer = await here.post(operation, {"cluster_tag": TAG, "async": "1", **fields})
    assert answer.status_code == 202
    job_id: str = answer.json()["job"]
    return job_id


async def canceled(here: World, job_id: str) -> dict[str, Any]:
    answer = await here.post("cancel", job_id=job_id)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()["result"]
    return result


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_cancel_to_the_byte() -> None:
    async with world(store=still()) as here:
        await here.create()
        job_id = await begun(here, "scale", replicas="1")
        same(await here.post("cancel", job_id=job_id), "cancel")
        same(await here.post("cancel", job_id=job_id), "cancel_ended")
        same(await here.post("job", job_id=job_id), "job_canceled")


@pytest.mark.parametrize(
    ("operation", "fields", "undone"),
    [
        ("scale", {"replicas": "1"}, "the cluster goes back to 3 instances"),
        ("scale", {"replicas": "5"}, "the cluster goes back to 3 instances"),
        ("replicate", {"databases": "a"}, "the saved list goes back to _users, test; the databases themselves stay"),
        ("delete", {}, "the cluster is kept"),
    ],
)
async def test_the_answer_says_what_is_undone(operation: str, fields: dict[str, str], undone: str) -> None:
    async with world() as here:
        await here.create()
        former = spec_of(here)
        job_id = await begun(here, operation, **fields)
        assert (await canceled(here, job_id)) == {
            "Tag": TAG,
            "Username": USER,
            "Job": job_id,
            "Kind": operation,
            "Undone": undone,
        }
        assert spec_of(here) == former


async def test_a_canceled_create_is_removed() -> None:
    async with world() as here:
        job_id = await begun(here, "create", replicas="3")
        assert (await canceled(here, job_id))["Undone"] == "the cluster is removed"
        assert spec_of(here).deleted
        again = await here.create()
        assert code_of(again) == (409, "cluster_exists")
        lease = here.store.acquire(KEY, "test", ttl=15.0)
        assert lease is not None
        here.store.release(lease, Outcome(0.0, gone=True))
        here.worker.may_work.set()
        assert (await here.create()).status_code == 200


async def test_the_list_of_before_may_have_held_everything() -> None:
    async with world() as here:
        await here.create()
        await here.post("replicate", cluster_tag=TAG, databases="*")
        job_id = await begun(here, "replicate", databases="a")
        assert (await canceled(here, job_id))["Undone"].startswith("the saved list goes back to _users, test, *;")


async def test_a_delete_of_the_job_is_the_same() -> None:
    async with world() as here:
        await here.create()
        job_id = await begun(here, "scale", replicas="1")
        answer = await here.client.delete(f"/v0/jobs/{job_id}", auth=(USER, TOKEN))
        assert answer.status_code == 200
        assert answer.json()["result"]["Undone"] == "the cluster goes back to 3 instances"
        shown = (await here.client.get(f"/v0/jobs/{job_id}", auth=(USER, TOKEN))).json()["result"]
        assert (shown["status"], shown["error"]["code"]) == ("canceled", "canceled")


async def test_a_worker_is_woken() -> None:
    async with world() as here:
        await here.create()
        job_id = await begun(here, "scale", replicas="1")
        rung = len(here.bell.rung)
        await canceled(here, job_id)
        assert here.bell.rung[rung:] == [KEY]


async def test_one_who_waits_for_the_job_hears_that_it_was_canceled() -> None:
    async with world() as here:
        await here.create()
        here.worker.may_work.clear()
        answers: list[httpx.Response] = []

        async def wait_for_it() -> None:
            answers.append(await here.post("scale", cluster_tag=TAG, replicas="1"))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait_for_it)
            await until(lambda: here.service.waiters.count == 1)
            record = here.store.cluster(KEY)
            assert record is not None
            assert record.job is not None
            job_id = record.job
            await canceled(here, job_id)
        assert code_of(answers[0]) == (409, "canceled")
        assert answers[0].json()["job"] == job_id


async def test_a_job_that_has_ended_says_how() -> None:
    async with world() as here:
        created = await here.create()
        assert created.status_code == 200
        (job,) = here.store.jobs(USER)
        answer = await here.post("cancel", job_id=job.id)
        assert code_of(answer) == (409, "job_ended")
        assert "succeeded" in answer.json()["error_detail"]
        assert answer.json()["job"] == job.id


async def test_a_delete_that_has_begun_has_no_way_back() -> None:
    async with world() as here:
        await here.create()
        job_id = await begun(here, "delete")
        lease = here.store.acquire(KEY, "test", ttl=15.0)
        assert lease is not None
        here.store.save(lease, Outcome(0.0, seals=True))
        assert code_of(await here.post("cancel", job_id=job_id)) == (409, "no_way_back")
        assert spec_of(here).deleted


async def test_strangers_and_the_unknown_find_nothing() -> None:
    async with world() as here:
        await here.create()
        other = {**ME, "username": "mary", "token": "another-token"}
        await here.post("create", {**other, "cluster_tag": TAG, "replicas": "1"})
        job_id = await begun(here, "scale", replicas="1")
        for who, wanted in ((other, job_id), (ME, "0" * 32), (ME, "../../x")):
            answer = await here.post("cancel", {**who, "job_id": wanted})
            assert code_of(answer) == (404, "no_such_job")
            assert "is lost with a lost Redis" in answer.json()["error_detail"]
        assert code_of(await here.post("cancel", job_id=job_id, token="a-wrong-token")) == (401, "unauthorized")
        answer = await here.client.delete(f"/v0/jobs/{job_id}", auth=("mary", "another-token"))
        assert code_of(answer) == (404, "no_such_job")
        assert (await here.client.delete(f"/v0/jobs/{job_id}")).status_code == 401
        assert code_of(await here.post("cancel")) == (400, "missing_job_id")
        assert spec_of(here).replicas == 1


@pytest.mark.parametrize(("keep_jobs", "text"), [(604800.0, "7 days"), (90.0, "90 seconds"), (129600.0, "1.5 days")])
async def test_a_job_that_is_not_there_says_how_long_jobs_are_kept(keep_jobs: float, text: str) -> None:
    async with world(keep_jobs=keep_jobs) as here:
        await here.create()
        answer = await here.post("job", job_id="0" * 32)
        assert code_of(answer) == (404, "no_such_job")
        assert f"kept for {text} after its end" in answer.json()["error_detail"]
