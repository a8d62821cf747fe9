"""Server-sent events over real connections and a real Redis."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from api.service import STORE_THREADS
from common.cluster import ClusterKey
from common.jobs import JobStatus, Progress
from common.store.port import Lease, Outcome
from common.store.redis import RedisStore
from tests.api import described
from tests.integration.test_api_process import ME, NEW, PATIENCE, TOKEN, Api, running, until
from tests.servers import RedisServer

KEY = ClusterKey("johny2", "my-test-db1")
LOGIN = ("johny2", TOKEN)

Event = tuple[str, int, dict[str, Any]]


@contextmanager
def made(url: str, folder: Path) -> Iterator[tuple[Api, RedisStore, str]]:
    """An api, its store and a job that nobody has begun."""
    store = RedisStore(url)
    store.rebuild(())
    with running(url, folder) as api:
        yield api, store, api.post("create", {**NEW, "async": "1"}).json()["job"]
    store.close()


def leased(store: RedisStore) -> Lease:
    found: list[Lease] = []

    def take() -> bool:
        lease = store.acquire(KEY, "worker-1", ttl=600.0)
        found.extend([lease] if lease is not None else [])
        return bool(found)

    until(take)
    return found[0]


async def parsed(lines: AsyncIterator[str]) -> AsyncIterator[Event]:
    """The events of a stream, as a browser would read them."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        else:
            if "data" in fields:
                yield fields["event"], int(fields["id"]), json.loads(fields["data"])
            fields = {}


class Ears:
    """Listens in a task of its own, and keeps what it heard."""

    def __init__(self, client: httpx.AsyncClient, job: str, *, last: int | None = None) -> None:
        self.heard: list[Event] = []
        self._news = asyncio.Event()
        self._client, self._job, self._last = client, job, last
        self.task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        headers = {} if self._last is None else {"Last-Event-ID": str(self._last)}
        url = f"/v0/jobs/{self._job}/events"
        async with self._client.stream("GET", url, auth=LOGIN, headers=headers) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for event in parsed(answer.aiter_lines()):
                described.check_event(event[0], event[2])
                self.heard.append(event)
                self._news.set()

    async def hear(self, count: int) -> list[Event]:
        """All that was heard once it is so much."""
        async with asyncio.timeout(PATIENCE):
            while len(self.heard) < count:
                self._news.clear()
                waiting = asyncio.ensure_future(self._news.wait())
                await asyncio.wait((waiting, self.task), return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                assert not self.task.done() or len(self.heard) >= count, self.heard
        return self.heard

    async def end(self) -> list[Event]:
        async with asyncio.timeout(PATIENCE):
            await self.task
        return self.heard


def client_of(api: Api) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None)
    url = f"http://127.0.0.1:{api.port}"
    return httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False, limits=limits)


def test_a_job_is_told_from_its_state_to_its_end_and_one_goes_on_where_one_was(redis_url: str, tmp_path: Path) -> None:
    async def listen(api: Api, store: RedisStore, job: str) -> None:
        async with client_of(api) as client:
            ears = Ears(client, job)
            ((name, number, state),) = await ears.hear(1)
            assert (name, number, state["status"], state["step"]) == ("state", 0, "queued", "")
            lease = leased(store)
            store.save(lease, Outcome(0.0, step="provision", progress=Progress(0, 3)))
            store.save(lease, Outcome(0.0, step="fill", progress=Progress(1, 3, ("one of three",))))
            await ears.hear(4)
            store.release(lease, Outcome(30.0, ended=JobStatus.SUCCEEDED))
            heard = await ears.end()
            assert [(name, number) for name, number, _ in heard] == [
                ("state", 0),
                ("change", 1),
                ("change", 2),
                ("change", 3),
                ("end", 4),
            ]
            assert [data["step"] for _, _, data in heard] == ["", "", "provision", "fill", "fill"]
            assert heard[3][2]["progress"] == {"done": 1, "total": 3, "instances": ["one of three"]}
            assert (heard[-1][2]["status"], heard[-1][2]["done"]) == ("succeeded", True)
            again = await Ears(client, job, last=1).end()
            assert again == heard[2:], "without a gap and without a repetition"
            beyond = await Ears(client, job, last=77).end()
            assert [name for name, _, _ in beyond] == ["end"]
            over = await client.get(f"/v0/jobs/{job}/events", auth=LOGIN, headers={"Last-Event-ID": "4"})
            assert (over.status_code, over.content) == (204, b"")

    with made(redis_url, tmp_path) as (api, store, job):
        asyncio.run(listen(api, store, job))


def test_those_who_listen_hear_all_across_a_restart_of_redis(own_redis: RedisServer, tmp_path: Path) -> None:
    async def listen(api: Api, store: RedisStore, job: str) -> None:
        async with client_of(api) as client:
            ears = Ears(client, job)
            await ears.hear(1)
            lease = leased(store)
            store.save(lease, Outcome(0.0, step="provision"))
            await ears.hear(3)
            own_redis.kill()
            own_redis.start()
            store.close()
            for step in ("fill", "serve"):
                store.save(lease, Outcome(0.0, step=step))
            store.release(lease, Outcome(30.0, ended=JobStatus.SUCCEEDED))
            heard = await ears.end()
            assert [number for _, number, _ in heard] == [0, 1, 2, 3, 4, 5]
            assert [data["step"] for _, _, data in heard] == ["", "", "provision", "fill", "serve", "serve"]

    with made(own_redis.url, tmp_path) as (api, store, job):
        asyncio.run(listen(api, store, job))


LISTENERS = 500


def test_many_listen_and_one_reads(redis_url: str, tmp_path: Path) -> None:
    """Each change is read from Redis once by the api's reader, by one connection, and not once for each who listens."""

    async def listen(api: Api, store: RedisStore, job: str, told: Any) -> None:
        connections_before = told("clients")["connected_clients"]
        async with client_of(api) as client:
            many = [Ears(client, job) for _ in range(LISTENERS)]
            await asyncio.gather(*(ears.hear(1) for ears in many))
            lease = leased(store)
            await asyncio.gather(*(ears.hear(2) for ears in many))
            assert told("clients")["connected_clients"] - connections_before <= STORE_THREADS + 1, "not one each"
            before = scripts(told)
            for number in range(5):
                store.save(lease, Outcome(0.0, step=f"step {number}"))
                await asyncio.gather(*(ears.hear(3 + number) for ears in many))
            assert scripts(told) - before < 160, "five saves, and a few reads of each; not five times five hundred"
            assert blocked(told) <= 1, "one waits for events, for all"
            store.release(lease, Outcome(30.0, ended=JobStatus.SUCCEEDED))
            heard = [await ears.end() for ears in many]
            assert all(one == heard[0] for one in heard)

    def scripts(told: Any) -> int:
        return int(told("commandstats")["cmdstat_evalsha"]["calls"])

    def blocked(told: Any) -> int:
        return int(told("clients")["blocked_clients"])

    with made(redis_url, tmp_path) as (api, store, job):
        asyncio.run(listen(api, store, job, store._client.info))


def test_one_goes_on_at_another_api_and_after_a_restart_without_a_gap(redis_url: str, tmp_path: Path) -> None:
    """The numbers of changes are the store's: whichever api process a client comes back to, it goes on there."""

    async def listen(api: Api, store: RedisStore, job: str) -> None:
        async with client_of(api) as client:
            ears = Ears(client, job)
            await ears.hear(1)
            lease = leased(store)
            store.save(lease, Outcome(0.0, step="provision"))
            first = list(await ears.hear(3))
            api.process.send_signal(signal.SIGTERM)
            await ears.end()
            assert ears.heard == first, "a process that ends breaks the stream off between two events"
        store.save(lease, Outcome(0.0, step="fill"))  # while nobody listens
        with running(store_url, tmp_path) as other, running(store_url, tmp_path) as third:
            async with client_of(other) as here, client_of(third) as there:
                one, two = Ears(here, job, last=first[-1][1]), Ears(there, job, last=first[-2][1])
                await one.hear(1)
                await two.hear(2)
                store.save(lease, Outcome(0.0, step="serve"))
                store.release(lease, Outcome(30.0, ended=JobStatus.SUCCEEDED))
                rest, more = await one.end(), await two.end()
        assert [number for _, number, _ in first + rest] == [0, 1, 2, 3, 4, 5]
        assert more == [first[-1], *rest]
        assert [name for name, _, _ in rest] == ["change", "change", "end"]

    store_url = redis_url
    with made(redis_url, tmp_path) as (api, store, job):
        asyncio.run(listen(api, store, job))


def test_nobody_hears_of_what_is_not_theirs(redis_url: str, tmp_path: Path) -> None:
    with made(redis_url, tmp_path) as (api, _, job):
        url = f"/v0/jobs/{job}/events"
        refused = api.client.get(url, auth=("johny2", "wrong-token"))
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
        assert api.post("create", {**NEW, "username": "mary", "async": "1"}).status_code == 202
        strange = api.client.get(url, auth=("mary", ME["token"]))
        assert (strange.status_code, strange.json()["code"]) == (404, "no_such_job")
