"""One cluster from its creation to its end, and what each request leaves in the store."""

import anyio
import pytest

from common.cluster import ClusterKey
from common.jobs import JobKind
from common.store.port import ClusterRecord
from tests.api.world import ME, TAG, TOKEN, USER, World, until, world

pytestmark = pytest.mark.anyio

KEY = ClusterKey(USER, TAG)


def stored(here: World) -> ClusterRecord:
    record = here.store.cluster(KEY)
    assert record is not None
    return record


async def test_a_cluster_lives_and_goes() -> None:
    async with world() as here:
        assert (await here.create()).json()["result"]["Replicas"] == 3
        assert (await here.post("scale", cluster_tag=TAG, replicas="5")).json()["result"]["Replicas"] == 5
        grown = await here.post("replicate", cluster_tag=TAG, databases="orders")
        assert grown.json()["result"]["Databases"] == ["_users", "orders", "test"]
        assert (await here.post("delete", cluster_tag=TAG)).status_code == 200
        assert (await here.post("detail", cluster_tag=TAG)).status_code == 404
        assert (await here.create()).status_code == 200


async def test_no_token_is_kept() -> None:
    async with world() as here:
        await here.create()
        record = stored(here)
        assert record.owner_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert record.spec.admin_line.startswith("-pbkdf2:sha256-")
        assert TOKEN not in repr((record, record.owner_hash, record.spec.admin_line, here.bell.rung))


async def test_each_create_has_a_salt_and_an_incarnation_of_its_own() -> None:
    async with world() as here:
        await here.create()
        first = stored(here).spec
        await here.post("delete", cluster_tag=TAG)
        await here.create()
        second = stored(here).spec
        assert first.incarnation != second.incarnation
        assert first.admin_line != second.admin_line


async def test_create_keeps_the_request_id_on_the_job() -> None:
    async with world() as here:
        answer = await here.post(
            "create", {"cluster_tag": TAG, "replicas": "1", "async": "1"}, headers={"X-Request-ID": "from-a-script.1"}
        )
        job = here.store.job(answer.json()["job"])
        assert job is not None
        assert job.request_id == "from-a-script.1" == answer.headers["x-request-id"]


async def test_scaling_down_keeps_the_former_spec_and_the_word_to_go_on() -> None:
    async with world() as here:
        await here.create()
        former = stored(here).spec
        here.worker.may_work.clear()
        answer = await here.post("scale", {"cluster_tag": TAG, "replicas": "1", "force": "1", "async": "1"})
        job = here.store.job(answer.json()["job"])
        assert job is not None
        assert job.kind is JobKind.SCALE
        assert job.restore == former
        assert stored(here).spec.force


async def test_scaling_up_needs_no_way_back() -> None:
    async with world() as here:
        await here.create()
        here.worker.may_work.clear()
        answer = await here.post("scale", {"cluster_tag": TAG, "replicas": "5", "async": "1"})
        job = here.store.job(answer.json()["job"])
        assert job is not None
        assert job.restore is None


async def test_star_replicates_all_databases_and_later_ones() -> None:
    async with world() as here:
        await here.create()
        await here.post("replicate", cluster_tag=TAG, databases="*")
        assert stored(here).spec.all_databases
        await here.post("replicate", cluster_tag=TAG, databases="orders")
        assert stored(here).spec.all_databases


async def test_delete_ends_a_running_job_as_superseded() -> None:
    async with world() as here:
        here.worker.may_work.clear()
        async with anyio.create_task_group() as tasks:
            answers = []

            async def wait_for_create() -> None:
                answers.append(await here.create())

            tasks.start_soon(wait_for_create)
            await until(lambda: here.service.waiters.count == 1)
            deleted = await here.post("delete", {"cluster_tag": TAG, "async": "1"})
        assert deleted.status_code == 202
        (created,) = answers
        assert (created.status_code, created.json()["code"]) == (409, "superseded")


async def test_a_second_delete_joins_the_first() -> None:
    async with world() as here:
        await here.create()
        here.worker.may_work.clear()
        first = await here.post("delete", {"cluster_tag": TAG, "async": "1"})
        second = await here.post("delete", {"cluster_tag": TAG, "async": "1"})
        assert first.json()["job"] == second.json()["job"]
        scaled = await here.post("scale", cluster_tag=TAG, replicas="2")
        assert (scaled.status_code, scaled.json()["code"]) == (404, "no_such_cluster")
        again = await here.create()
        assert (again.status_code, again.json()["code"]) == (409, "cluster_exists")
        assert "being deleted" in again.json()["error_detail"]


async def test_each_change_rings_the_bell_once() -> None:
    async with world() as here:
        await here.create()
        await here.post("scale", cluster_tag=TAG, replicas="2")
        await here.post("delete", cluster_tag=TAG)
        assert here.bell.rung == [KEY] * 3


async def test_detail_wakes_a_worker_and_shows_its_look() -> None:
    async with world() as here:
        await here.create()
        before = stored(here).view
        assert before is not None
        rung = len(here.bell.rung)
        shown = await here.post("detail", cluster_tag=TAG)
        assert len(here.bell.rung) == rung + 1
        after = stored(here).view
        assert after is not None
        assert after.observed_at >= before.observed_at
        assert shown.json()["result"]["Status"] == "ready"


async def test_detail_shows_the_stored_view_when_nobody_looks() -> None:
    async with world() as here:
        await here.create()
        here.worker.may_work.clear()
        shown = await here.post("detail", cluster_tag=TAG)
        assert shown.status_code == 200
        assert shown.json()["result"]["Status"] == "ready"


async def test_two_users_may_use_one_tag_and_see_their_own() -> None:
    async with world() as here:
        await here.create()
        other = {**ME, "username": "mary", "token": "another-token"}
        assert (await here.post("create", {**other, "cluster_tag": TAG, "replicas": "1"})).status_code == 200
        (shown,) = (await here.post("list", other)).json()["result"]
        assert (shown["Username"], shown["Replicas"]) == ("mary", 1)


async def test_the_same_new_user_may_begin_twice_at_once() -> None:
    async with world() as here:
        answers = []

        async def begin(tag: str) -> None:
            answers.append(await here.create(cluster_tag=tag))

        async with anyio.create_task_group() as tasks:
            for tag in ("first", "second", "third", "fourth"):
                tasks.start_soon(begin, tag)
        assert [answer.status_code for answer in answers] == [200] * 4
