"""Idempotency-Key: a request that is repeated, whoever lost the answer, is carried out once."""

import httpx
import pytest

from common.cluster import ClusterKey
from common.store.port import Submission, Submitted
from tests.api.world import ME, TAG, TOKEN, USER, World, until, world
from tests.twins.store.store import MemoryStore

pytestmark = pytest.mark.anyio

KEY = ClusterKey(USER, TAG)
NEW = {"cluster_tag": TAG, "replicas": "3"}


async def ask(here: World, operation: str, key: str = "a-key", **fields: str) -> httpx.Response:
    return await here.post(operation, fields, headers={"Idempotency-Key": key})


def same(first: httpx.Response, again: httpx.Response) -> None:
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers


async def test_each_operation_is_carried_out_once_and_its_answer_replayed() -> None:
    async with world() as here:
        requests = [
            ("create", NEW),
            ("scale", {"cluster_tag": TAG, "replicas": "5"}),
            ("replicate", {"cluster_tag": TAG, "databases": "orders"}),
            ("delete", {"cluster_tag": TAG}),
        ]
        firsts = [await ask(here, operation, operation, **fields) for operation, fields in requests]
        assert [answer.status_code for answer in firsts] == [200] * 4
        for first, (operation, fields) in zip(firsts, requests, strict=True):
            same(first, await ask(here, operation, operation, **fields))
        assert here.store.cluster(KEY) is None
        assert len(here.store.jobs(USER)) == 4


async def test_a_random_tag_stays_what_it_was() -> None:
    async with world() as here:
        first = await ask(here, "create", replicas="1")
        same(first, await ask(here, "create", replicas="1"))


async def test_an_asynchronous_request_is_told_of_its_job_again() -> None:
    async with world() as here:
        first = await ask(here, "create", **NEW, **{"async": "1"})
        await until(lambda: all(job.status.is_ended for job in here.store.jobs(USER)))
        again = await ask(here, "create", **NEW, **{"async": "1"})
        same(first, again)
        assert again.headers["location"] == first.headers["location"]


async def test_a_job_that_goes_on_is_waited_for() -> None:
    async with world() as here:
        here.worker.may_work.clear()
        first = await here.post("create", NEW, headers={"Idempotency-Key": "a-key", "Prefer": "wait=0"})
        here.worker.may_work.set()
        again = await ask(here, "create", **NEW)
        assert (again.status_code, again.json()["result"]["Status"]) == (200, "ready")
        assert first.json()["job"] == here.store.jobs(USER)[0].id


async def test_the_order_of_fields_does_not_matter_and_their_values_do() -> None:
    async with world() as here:
        await ask(here, "create", **NEW)
        assert (await ask(here, "create", replicas="3", cluster_tag=TAG)).status_code == 200
        other = await ask(here, "create", cluster_tag=TAG, replicas="4")
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
        path = await ask(here, "scale", **NEW)
        assert (path.status_code, path.json()["code"]) == (422, "idempotency_key_reused")


async def test_the_callers_own_token_is_shown_and_no_token_kept() -> None:
    async with world() as here:
        await ask(here, "create", **NEW)
        here.store.give_token(USER, here.service.users._hasher.hash("another-token"), "line")
        again = await here.post("create", {**NEW, "token": "another-token"}, headers={"Idempotency-Key": "a-key"})
        assert (again.status_code, again.json()["result"]["Password"]) == (200, "another-token")
        known = here.store.remembered(USER, "a-key")
        assert known is not None
        assert TOKEN not in repr((known, known.spec.admin_line))


async def test_a_key_is_its_users_own() -> None:
    async with world() as here:
        await ask(here, "create", **NEW)
        other = {**ME, "username": "mary", "token": "another-token", **NEW}
        answer = await here.post("create", other, headers={"Idempotency-Key": "a-key"})
        assert answer.status_code == 200
        assert "idempotency-replayed" not in answer.headers
        wrong = await here.post("create", {**NEW, "token": "wrong-token"}, headers={"Idempotency-Key": "a-key"})
        assert wrong.status_code == 401


async def test_a_refused_request_is_tried_anew() -> None:
    async with world() as here:
        assert (await ask(here, "scale", cluster_tag=TAG, replicas="5")).status_code == 401
        await here.create()
        assert (await ask(here, "scale", cluster_tag="other", replicas="5")).status_code == 404
        assert (await ask(here, "scale", cluster_tag=TAG, replicas="5")).status_code == 200


class DyingStore(MemoryStore):
    """Carries a submission out; whoever asked for it never hears of it."""

    dies = True

    def submit(self, submission: Submission) -> Submitted:
        submitted = super().submit(submission)
        if self.dies:
            self.dies = False
            raise RuntimeError("as an api that dies after its transaction")
        return submitted


async def test_an_api_that_died_after_its_transaction_did_it_once() -> None:
    store = DyingStore(lambda: 1_800_000_000.0)
    async with world(store=store) as here:
        assert (await ask(here, "create", **NEW)).status_code == 500
        here.worker.step(KEY)
        again = await ask(here, "create", **NEW)
        assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
        assert len(store.jobs(USER)) == 1


async def test_two_at_once_make_one_job() -> None:
    import anyio

    async with world() as here:
        answers: list[httpx.Response] = []

        async def begin() -> None:
            answers.append(await ask(here, "create", replicas="1"))

        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(begin)
        assert {answer.content for answer in answers} == {answers[0].content}
        assert answers[0].status_code == 200
        assert len(here.store.jobs(USER)) == 1


@pytest.mark.parametrize("key", ["", "a b", "x" * 129, '"', "caf\\"])
async def test_a_key_outside_the_rules_is_refused(key: str) -> None:
    async with world() as here:
        answer = await ask(here, "create", key, **NEW)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key")


async def test_a_key_in_quotes_is_the_same_key_and_two_are_none() -> None:
    async with world() as here:
        await ask(here, "create", '"a-key"', **NEW)
        assert (await ask(here, "create", "a-key", **NEW)).headers["idempotency-replayed"] == "true"
        request = here.client.build_request("POST", "/v0/create", data={**ME, **NEW})
        request.headers = httpx.Headers(
            [*request.headers.raw, (b"Idempotency-Key", b"one"), (b"Idempotency-Key", b"two")]
        )
        assert (await here.client.send(request)).json()["code"] == "bad_idempotency_key"
