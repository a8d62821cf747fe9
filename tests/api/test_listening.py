"""The stream of a job's changes, chunk by chunk as the server sends them."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from starlette.types import Message, Scope

from api.service import SILENCE
from tests.api.world import TAG, TOKEN, USER, World, until, world

pytestmark = pytest.mark.anyio

NEW = {"cluster_tag": TAG, "replicas": "1", "async": "1"}


class Listener:
    """One who has asked for the stream: what came so far, and whether it has ended."""

    def __init__(self) -> None:
        self.body = b""
        self.has_ended = False
        self.hung_up = anyio.Event()

    async def ask(self, here: World, job: str) -> None:
        login = base64.b64encode(f"{USER}:{TOKEN}".encode())
        path = f"/v0/jobs/{job}/events"
        scope: Scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": [(b"authorization", b"Basic " + login)], "http_version": "1.1", "scheme": "http",
            "root_path": "", "server": ("x", 80), "asgi": {"spec_version": "2.3"},
        }  # fmt: skip

        async def receive() -> Message:
            await self.hung_up.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            self.body += message.get("body", b"")
            self.has_ended = message["type"] == "http.response.body" and not message.get("more_body", False)

        await here.app(scope, receive, send)


@asynccontextmanager
async def listening(here: World) -> AsyncIterator[Listener]:
    """A listener to a job that no worker has begun."""
    here.worker.may_work.clear()
    job = (await here.post("create", NEW)).json()["job"]
    one = Listener()
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(one.ask, here, job)
            await until(lambda: b"event: state" in one.body)
            yield one


async def test_a_comment_in_every_silence_and_the_end_after_them() -> None:
    async with world(silence=0.01) as here, listening(here) as one:
        await until(lambda: one.body.count(b"\n: \n\n") + one.body.count(b"\n:\n\n") >= 3)
        assert one.body.startswith(b"retry: 1000\n\n")
        assert b"event: end" not in one.body
        here.worker.may_work.set()
        await until(lambda: one.has_ended)
        assert one.body.index(b"event: state") < one.body.index(b"event: end")
        assert here.service.waiters.listeners.count == 0


async def test_a_silence_is_fifteen_seconds_and_short_of_it_nothing_is_said() -> None:
    async with world() as here, listening(here) as one:
        assert here.service.silence == SILENCE == 15.0
        assert b"\n:" not in one.body
        here.worker.may_work.set()


async def test_one_who_hangs_up_is_forgotten() -> None:
    async with world(silence=0.01) as here, listening(here) as one:
        assert here.service.waiters.listeners.count == 1
        one.hung_up.set()
        await until(lambda: here.service.waiters.listeners.count == 0)
        here.worker.may_work.set()


async def test_a_process_that_is_to_end_lets_those_who_listen_go() -> None:
    async with world() as here, listening(here) as one:
        here.service.waiters.let_go()
        await until(lambda: one.has_ended)
        assert b"event: end" not in one.body, "the job goes on, and the client comes back"
        here.worker.may_work.set()
