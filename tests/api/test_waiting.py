"""Waiting for jobs through HTTP, and what the system says of itself."""

import anyio
import httpx
import pytest
from starlette.types import Message, Scope

from common.cluster import ClusterKey
from common.errors import StoreUnavailable
from common.store.admission import Admission, Knock
from common.store.port import Submission, Submitted
from tests.api.world import ME, TAG, TOKEN, USER, World, until, world
from tests.twins.store.store import MemoryStore

pytestmark = pytest.mark.anyio

NEW = {"cluster_tag": TAG, "replicas": "1"}


class AwayStore(MemoryStore):
    """A store that is away when told so; `away_at_submit`: only once it is written to."""

    def __init__(self) -> None:
        super().__init__(lambda: 1795640400.0)
        self.is_away = False
        self.away_at_submit = False

    def owner_hash(self, user: str) -> str | None:
        self._answer()
        return super().owner_hash(user)

    def is_rebuilt(self) -> bool:
        self._answer()
        return super().is_rebuilt()

    def submit(self, submission: Submission) -> Submitted:
        if self.away_at_submit:
            raise StoreUnavailable("Redis did not carry out submit")
        return super().submit(submission)

    def admit(self, knock: Knock) -> Admission:
        self._answer()
        return super().admit(knock)

    def _answer(self) -> None:
        if self.is_away:
            raise StoreUnavailable("Redis did not carry out owner_hash")


async def test_respond_async_answers_at_once_and_wait_as_told() -> None:
    async with world() as here:
        here.worker.may_work.clear()
        at_once = await here.post("create", NEW, headers={"Prefer": "respond-async"})
        assert (at_once.status_code, at_once.json()["status"]) == (202, "ok")
        assert at_once.headers["location"] == f"/v0/jobs/{at_once.json()['job']}"
        waited = await here.post("delete", {"cluster_tag": TAG}, headers={"Prefer": "handling=lenient, wait=1"})
        assert (waited.status_code, waited.json()["code"]) == (202, "still_running")


async def test_several_prefer_headers_are_read() -> None:
    async with world() as here:
        here.worker.may_work.clear()
        request = here.client.build_request("POST", "/v0/create", data={**ME, **NEW})
        request.headers = httpx.Headers([*request.headers.raw, (b"Prefer", b"return=minimal"), (b"Prefer", b"wait=0")])
        assert (await here.client.send(request)).json()["code"] == "still_running"


async def test_the_default_wait_is_a_setting() -> None:
    async with world(wait=0.05) as here:
        here.worker.may_work.clear()
        assert (await here.post("create", NEW)).json()["code"] == "still_running"


async def test_one_who_hangs_up_ends_the_wait_and_not_the_job() -> None:
    async with world() as here:
        here.worker.may_work.clear()
        hung_up = anyio.Event()
        sent: list[bool] = []
        messages: list[Message] = []
        body = "&".join(f"{name}={value}" for name, value in {**ME, **NEW}.items()).encode()

        async def receive() -> Message:
            if not sent:
                sent.append(True)
                return {"type": "http.request", "body": body, "more_body": False}
            await hung_up.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            messages.append(message)

        async def serve() -> None:
            await here.app(scope, receive, send)

        scope: Scope = {
            "type": "http", "method": "POST", "path": "/v0/create", "raw_path": b"/v0/create", "query_string": b"",
            "headers": [], "http_version": "1.1", "scheme": "http", "root_path": "", "server": ("x", 80),
        }  # fmt: skip
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(serve)
                await until(lambda: here.service.waiters.count == 1)
                hung_up.set()
        assert here.service.waiters.count == 0
        here.worker.may_work.set()
        await until(lambda: here.store.cluster(ClusterKey(USER, TAG)).job is None)  # type: ignore[union-attr]
        assert (await here.post("detail", cluster_tag=TAG)).json()["result"]["Status"] == "ready"


async def test_all_who_wait_are_answered_when_the_process_is_to_end() -> None:
    async with world() as here:
        here.worker.may_work.clear()
        answers: list[httpx.Response] = []

        async def ask(tag: str) -> None:
            answers.append(await here.create(cluster_tag=tag))

        async with anyio.create_task_group() as tasks:
            for number in range(5):
                tasks.start_soon(ask, f"tag{number}")
            await until(lambda: here.service.waiters.count == 5)
            here.service.waiters.let_go()
        assert {answer.json()["code"] for answer in answers} == {"still_running"}
        assert (await here.create(cluster_tag="late")).status_code == 202


@pytest.mark.parametrize("operation", ["create", "scale", "replicate", "delete", "list", "detail", "job"])
async def test_a_store_that_is_away_is_503_with_retry_after(operation: str) -> None:
    store = AwayStore()
    async with world(store=store) as here:
        store.is_away = True
        answer = await here.post(operation, NEW, databases="a", job_id="0" * 32)
        assert_away(answer)
        store.is_away = False
        assert here.store.cluster(ClusterKey(USER, TAG)) is None


async def test_a_store_that_goes_away_before_the_write_leaves_nothing_half_made() -> None:
    store = AwayStore()
    async with world(store=store) as here:
        store.away_at_submit = True
        assert_away(await here.create())
        assert store.owner_hash(USER) is None
        assert store.clusters(USER) == ()
        assert here.bell.rung == []
        store.away_at_submit = False
        assert (await here.create()).status_code == 200


def assert_away(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert int(answer.headers["retry-after"]) >= 1


async def test_readiness_says_what_is_missing() -> None:
    store = AwayStore()
    async with world(store=store) as here:
        assert (await ready(here))[0] == 200
        store.is_away = True
        status, said = await ready(here)
        assert (status, said["redis"]) == (503, False)
        assert (await here.client.get("/healthz")).status_code == 200


async def test_readiness_misses_the_workers() -> None:
    now = [1795640400.0]
    async with world(store=MemoryStore(lambda: now[0])) as here:
        assert (await ready(here))[0] == 200
        now[0] += 31
        status, said = await ready(here)
        assert (status, said["workers"]) == (503, 0)


async def ready(here: World) -> tuple[int, dict[str, object]]:
    answer = await here.client.get("/readyz")
    result: dict[str, object] = answer.json()["result"]
    return answer.status_code, result


async def test_an_unexpected_error_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    class BrokenStore(AwayStore):
        def listing(self, user: str) -> object:  # type: ignore[override]
            raise RuntimeError(f"{user} and something internal")

    async with world(store=BrokenStore()) as here:  # type: ignore[arg-type]
        await here.create()
        answer = await here.post("list")
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert "something internal" not in answer.text
        request_id = answer.headers["x-request-id"]
        assert request_id in answer.json()["error_detail"]
        said = capsys.readouterr().out
        assert "something internal" in said
        assert request_id in said
        assert TOKEN not in said


async def test_the_description_names_every_operation_and_field() -> None:
    async with world() as here:
        described = (await here.client.get("/openapi.json")).json()
        create = described["paths"]["/v0/create"]["post"]
        schema = create["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
        assert schema["required"] == ["username", "token", "replicas"]
        assert set(schema["properties"]) == {
            "username", "token", "cluster_tag", "replicas", "couchdb_user", "couchdb_password", "async",
        }  # fmt: skip
        assert {"200", "202", "400", "401", "409", "413", "429", "500", "502", "503"} <= set(create["responses"])
        assert set(described["paths"]) == {
            *(f"/v0/{name}" for name in ("create", "scale", "replicate", "delete", "list", "detail", "job")),
            "/v0/cancel", "/v0/unreplicate", "/v0/password",
            "/v0/jobs", "/v0/jobs/{job_id}", "/v0/jobs/{job_id}/events", "/healthz", "/readyz",
        }  # fmt: skip
        assert (await here.client.get("/docs")).status_code == 200
