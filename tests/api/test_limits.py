"""How much one user may have and how often one may ask."""

import time

import httpx
import pytest
from prometheus_client import CollectorRegistry

from common.cluster import ClusterKey
from common.errors import StoreUnavailable
from common.store.admission import Admission, Knock
from tests.api.world import ME, TAG, TOKEN, USER, World, world
from tests.twins.store.store import MemoryStore

pytestmark = pytest.mark.anyio

NEW = {"cluster_tag": TAG, "replicas": "3"}


def assert_limited(answer: httpx.Response, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (429, code)
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["error_detail"]


def elsewhere(here: World) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=here.app, client=("192.0.2.7", 1))
    return httpx.AsyncClient(transport=transport, base_url="http://kanto.test", timeout=60)


async def refuse(here: World, times: int, **more: str) -> list[int]:
    return [(await here.post("list", {**ME, "token": "wrong-token", **more})).status_code for _ in range(times)]


@pytest.mark.parametrize(("clusters", "instances", "code"), [(1, 9, "too_many_clusters"), (9, 4, "too_many_instances")])
async def test_a_cluster_too_many(clusters: int, instances: int, code: str) -> None:
    async with world(limit_clusters=clusters, limit_instances=instances) as here:
        assert (await here.create()).status_code == 200
        assert_limited(await here.create(cluster_tag="other"), code)
        assert (await here.post("delete", cluster_tag=TAG)).status_code == 200
        assert (await here.create(cluster_tag="other")).status_code == 200


async def test_a_job_too_many() -> None:
    async with world(limit_jobs=1) as here:
        here.worker.may_work.clear()
        await here.post("create", {**NEW, "async": "1"})
        assert_limited(await here.create(cluster_tag="other"), "too_many_jobs")


async def test_a_user_who_asks_too_often() -> None:
    async with world(limit_user_requests="3/hour") as here:
        await here.create()
        for _ in range(3):
            assert (await here.post("list")).status_code == 200
        assert_limited(await here.post("list"), "too_many_requests")
        assert (await here.post("create", {**NEW, "username": "mary"})).status_code == 200


async def test_an_address_that_asks_too_often() -> None:
    async with world(limit_address_requests="2/hour") as here:
        await here.create()
        await here.post("list")
        assert_limited(await here.post("list"), "too_many_requests")
        async with elsewhere(here) as other:
            assert (await other.post("/v0/list", data=ME)).status_code == 200


async def test_limits_can_be_off() -> None:
    async with world(limit_user_requests="off", limit_address_requests="off", limit_clusters=0) as here:
        await here.create()
        assert [(await here.post("list")).status_code for _ in range(20)] == [200] * 20


async def test_refused_logins_slow_down_and_lock_nobody_out_who_comes_from_elsewhere() -> None:
    async with world(limit_refused_logins="3/hour") as here:
        here.store.add_user(USER, here.service.users._hasher.hash(TOKEN))
        assert await refuse(here, 4) == [401, 401, 401, 429]
        assert_limited(await here.post("list"), "too_many_refused")
        async with elsewhere(here) as other:
            assert (await other.post("/v0/list", data=ME)).status_code == 200
        assert await refuse(here, 1, username="mary") == [401]


async def test_whoever_was_proved_just_now_is_let_in_all_the_same() -> None:
    async with world(limit_refused_logins="3/hour") as here:
        await here.create()
        assert await refuse(here, 4) == [401, 401, 401, 429]
        assert (await here.post("list")).status_code == 200


async def test_refused_logins_as_many_users_from_one_address() -> None:
    async with world(limit_refused_address="3/hour") as here:
        found = [await refuse(here, 1, username=f"user{number}") for number in range(4)]
        assert found == [[401], [401], [401], [429]]


async def test_a_disabled_user_is_nobody_at_once() -> None:
    async with world() as here:
        await here.create()
        here.store.disable_user(USER, disabled=True)
        for operation in ("list", "detail", "scale", "delete", "create"):
            assert (await here.post(operation, NEW)).status_code == 401, operation
        here.store.disable_user(USER, disabled=False)
        assert (await here.post("list")).status_code == 200


async def test_a_new_token_counts_at_once() -> None:
    async with world() as here:
        await here.create()
        here.store.give_token(USER, here.service.users._hasher.hash("another-token"), "line")
        assert (await here.post("list")).status_code == 401
        assert (await here.post("list", {**ME, "token": "another-token"})).status_code == 200


async def test_where_only_operators_add_users_nobody_enrols() -> None:
    async with world(auth="strict") as here:
        assert (await here.create()).status_code == 401
        here.store.add_user(USER, here.service.users._hasher.hash(TOKEN))
        assert (await here.create()).status_code == 200
        assert here.store.cluster(ClusterKey(USER, TAG)) is not None


async def test_what_is_one_too_many_is_counted_by_its_code() -> None:
    registry = CollectorRegistry()
    async with world(registry=registry, limit_user_requests="2/hour", limit_refused_logins="2/hour") as here:
        await here.create()
        for _ in range(4):
            await here.post("list")
        async with elsewhere(here) as other:
            found = [await other.post("/v0/list", data={**ME, "token": "wrong-token"}) for _ in range(3)]
        assert [answer.status_code for answer in found] == [401, 401, 429]

    def refused(code: str) -> float | None:
        return registry.get_sample_value("kanto_refusals_total", {"code": code})

    assert (refused("too_many_requests"), refused("too_many_refused"), refused("unauthorized")) == (2, 1, 2)
    asked = {"path": "/v0/list", "method": "POST", "status": "429"}
    assert registry.get_sample_value("kanto_request_seconds_count", asked) == 3


async def test_a_limit_cannot_be_passed_while_the_store_is_away() -> None:
    """Nobody is let through uncounted: what cannot be counted is 503."""

    class AwayStore(MemoryStore):
        is_away = False

        def admit(self, knock: Knock) -> Admission:
            if self.is_away:
                raise StoreUnavailable("Redis did not carry out admit")
            return super().admit(knock)

    store = AwayStore(time.time)
    async with world(store=store, limit_user_requests="3/hour") as here:
        await here.create()
        store.is_away = True
        for operation in ("list", "detail", "scale"):
            answer = await here.post(operation, NEW)
            assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable"), operation
            assert int(answer.headers["retry-after"]) >= 1
