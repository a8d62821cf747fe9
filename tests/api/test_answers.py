"""What each operation answers, to the byte."""

import asyncio

import pytest

from common.jobs import JobError
from tests.api.golden import same
from tests.api.world import TAG, TOKEN, USER, World, until, world
from tests.twins.store.store import MemoryStore

pytestmark = pytest.mark.anyio

NOVEMBER = 1795640400.25
"""2026-11-25T21:00:00Z and a quarter of a second."""


def still() -> MemoryStore:
    """A store for which it is always the same moment."""
    return MemoryStore(lambda: NOVEMBER)


async def test_create() -> None:
    async with world(store=still()) as here:
        same(await here.create(), "create")


async def test_create_with_a_random_tag() -> None:
    async with world(store=still()) as here:
        same(await here.post("create", cluster_tag="abc", replicas="1"), "create_random_tag")


async def test_create_of_what_exists() -> None:
    async with world(store=still()) as here:
        await here.create()
        same(await here.create(), "create_exists")


async def test_create_that_is_not_waited_for() -> None:
    async with world(store=still()) as here:
        same(await here.create(**{"async": "1"}), "create_async")


async def test_create_that_is_not_done_in_time() -> None:
    async with world(store=still()) as here:
        here.worker.keeps_jobs_running = True
        answer = await here.post("create", {"cluster_tag": TAG, "replicas": "3"}, headers={"Prefer": "wait=0"})
        same(answer, "create_still_running")


async def test_create_that_fails() -> None:
    async with world(store=still()) as here:
        here.worker.error = JobError("kubernetes_refused", "Kubernetes refused the pod", "Look at the pod's events")
        same(await here.create(), "create_failed")


async def test_scale() -> None:
    async with world(store=still()) as here:
        await here.create()
        same(await here.post("scale", cluster_tag=TAG, replicas="2"), "scale")


async def test_scale_while_another_job_runs() -> None:
    async with world(store=still()) as here:
        here.worker.keeps_jobs_running = True
        await here.create(**{"async": "1"})
        same(await here.post("scale", cluster_tag=TAG, replicas="2"), "scale_job_running")


async def test_replicate() -> None:
    async with world(store=still()) as here:
        await here.create(replicas="1")
        same(await here.post("replicate", cluster_tag=TAG, databases="orders, people"), "replicate")


async def test_delete() -> None:
    async with world(store=still()) as here:
        await here.create()
        same(await here.post("delete", cluster_tag=TAG), "delete")


async def test_delete_of_what_does_not_exist() -> None:
    async with world(store=still()) as here:
        await here.create()
        same(await here.post("delete", cluster_tag="other"), "delete_no_such_cluster")


async def test_detail() -> None:
    async with world(store=still()) as here:
        await here.create(replicas="2")
        same(await here.post("detail", cluster_tag=TAG), "detail")


async def test_detail_before_the_first_look() -> None:
    async with world(store=still()) as here:
        here.worker.may_work.clear()
        await here.create(**{"async": "1"})
        same(await here.post("detail", cluster_tag=TAG), "detail_before_first_look")


async def test_list() -> None:
    async with world(store=still()) as here:
        await here.create(replicas="2", cluster_tag="second")
        await here.create(replicas="1", cluster_tag="first")
        same(await here.post("list"), "list")


async def test_list_of_nothing() -> None:
    async with world(store=still()) as here:
        await here.create()
        await here.post("delete", cluster_tag=TAG)
        same(await here.post("list"), "list_empty")


async def test_job_that_runs() -> None:
    async with world(store=still()) as here:
        here.worker.keeps_jobs_running = True
        job = await accepted_job(here)
        await until_running(here, job)
        same(await here.post("job", job_id=job), "job_running")


async def test_job_that_succeeded() -> None:
    async with world(store=still()) as here:
        job = await accepted_job(here)
        await until_ended(here, job)
        answer = await here.client.get(f"/v0/jobs/{job}", auth=(USER, TOKEN))
        same(answer, "job_succeeded")
        assert answer.text == (await here.post("job", job_id=job)).text


async def test_job_that_failed() -> None:
    async with world(store=still()) as here:
        here.worker.error = JobError("kubernetes_refused", "Kubernetes refused the pod", "Look at the pod's events")
        job = await accepted_job(here)
        await until_ended(here, job)
        same(await here.post("job", job_id=job), "job_failed")


async def test_wrong_token() -> None:
    async with world(store=still()) as here:
        await here.create()
        same(await here.post("list", token="another-token"), "unauthorized")


async def test_missing_username() -> None:
    async with world(store=still()) as here:
        same(await here.post("scale", username=""), "missing_username")


async def test_get_of_an_operation() -> None:
    async with world(store=still()) as here:
        same(await here.client.get("/v0/create"), "wrong_method")


async def test_welcome() -> None:
    async with world(store=still()) as here:
        same(await here.client.get("/"), "welcome")


async def test_unknown_path() -> None:
    async with world(store=still()) as here:
        same(await here.client.post("/v0/creat", data={"username": USER}), "unknown_path")


async def test_readiness() -> None:
    async with world(store=still()) as here:
        same(await here.client.get("/readyz"), "readyz")


async def test_store_that_is_not_rebuilt() -> None:
    async with world(store=still(), rebuilt=False) as here:
        same(await here.create(), "create_not_rebuilt")
        same(await here.client.get("/readyz"), "readyz_not_rebuilt")


async def test_old_scripts_find_the_endpoint_by_counting_quotes() -> None:
    async with world(store=still()) as here:
        for answer in (await here.create(), await here.post("scale", cluster_tag=TAG, replicas="2")):
            assert cut(answer.text, 28) == "http://127.0.0.1:20000"
        for operation in ("detail", "list"):
            answer = await here.post(operation, cluster_tag=TAG)
            assert cut(answer.text, 24) == "http://127.0.0.1:20000"


def cut(line: str, field: int) -> str:
    """As `cut -d` with a double quote and `-f<field>` does."""
    return line.split('"')[field - 1]


async def accepted_job(here: World) -> str:
    job: str = (await here.create(**{"async": "1"})).json()["job"]
    return job


async def until_ended(here: World, job: str) -> None:
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    assert await here.service.waiters.ended(job, seconds=60, gone=never) is not None


async def until_running(here: World, job: str) -> None:
    def is_running() -> bool:
        found = here.store.job(job)
        return found is not None and found.progress.total > 0

    await until(is_running)


async def test_a_probe_may_ask_for_the_head_alone() -> None:
    async with world() as here:
        for path in ("/healthz", "/readyz"):
            assert (await here.client.head(path)).status_code == (await here.client.get(path)).status_code == 200
