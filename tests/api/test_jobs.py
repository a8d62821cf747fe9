"""The caller's jobs, page by page."""

import httpx
import pytest

from tests.api.world import ME, TAG, TOKEN, USER, World, world

pytestmark = pytest.mark.anyio

LOGIN = (USER, TOKEN)


async def some(here: World, count: int) -> list[str]:
    """So many clusters; the ids of their jobs, newest first."""
    answers = [await here.create(cluster_tag=f"tag{number:02}", replicas="1") for number in range(count)]
    assert {answer.status_code for answer in answers} == {200}
    return [job.id for job in here.store.jobs(USER)]


async def get(here: World, **query: str) -> httpx.Response:
    return await here.client.get("/v0/jobs", params=query, auth=LOGIN)


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [job["id"] for job in answer.json()["result"]["jobs"]]


async def test_jobs_are_told_newest_first_by_form_and_by_get() -> None:
    async with world() as here:
        made = await some(here, 3)
        assert ids(await here.post("jobs")) == ids(await get(here)) == made
        answer = (await get(here)).json()
        assert answer["status_message"] == f"couchdb list jobs successful for user: {USER}"
        assert answer["result"]["next"] is None
        first = answer["result"]["jobs"][0]
        assert (first["status"], first["cluster_tag"], "result" in first) == ("succeeded", "tag02", False)


async def test_pages_stay_what_they_were_while_others_come() -> None:
    async with world() as here:
        made = await some(here, 7)
        found: list[str] = []
        more: dict[str, str] = {}
        for number in range(4):
            answer = await get(here, limit="2", **more)
            found += ids(answer)
            await here.create(cluster_tag=f"late{number}", replicas="1")
            more = {"cursor": answer.json()["result"]["next"] or ""}
        assert found == made
        assert more == {"cursor": ""}


async def test_jobs_of_a_cluster_and_of_a_status() -> None:
    async with world() as here:
        await some(here, 2)
        here.worker.may_work.clear()
        running = (await here.post("delete", {"cluster_tag": "tag00", "async": "1"})).json()["job"]
        assert ids(await get(here, status="queued,running")) == [running]
        assert [job["kind"] for job in (await get(here, cluster_tag="tag00")).json()["result"]["jobs"]] == [
            "delete",
            "create",
        ]
        assert ids(await get(here, status="failed")) == []


async def test_jobs_are_the_callers_own() -> None:
    async with world() as here:
        await some(here, 1)
        await here.post("create", {**ME, "username": "mary", "cluster_tag": TAG, "replicas": "1"})
        answer = await here.client.get("/v0/jobs", auth=("mary", TOKEN))
        assert [job["cluster_tag"] for job in answer.json()["result"]["jobs"]] == [TAG]
        assert (await here.client.get("/v0/jobs", auth=("mary", "wrong-token"))).status_code == 401
        assert (await here.client.get("/v0/jobs", params=ME)).status_code == 401, "a query string names nobody"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": "0"}, "bad_page"),
        ({"limit": "many"}, "bad_page"),
        ({"cursor": "x"}, "bad_page"),
        ({"status": "done"}, "bad_status"),
        ({"cluster_tag": "-"}, "bad_cluster_tag"),
    ],
)
async def test_what_makes_no_page_is_refused(query: dict[str, str], code: str) -> None:
    async with world() as here:
        await some(here, 1)
        answer = await get(here, **query)
        assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_a_page_has_a_limit() -> None:
    async with world() as here:
        await some(here, 1)
        for limit in ("99999", "9" * 5000):
            assert (await get(here, limit=limit)).status_code == 200
        twice = await here.client.get("/v0/jobs?limit=1&limit=2", auth=LOGIN)
        assert twice.json()["code"] == "duplicate_field"
