"""The application over a store in memory, as one value for tests."""

import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import httpx
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from api.app import build_app
from api.meter import Meter
from api.service import SILENCE, Service, build_service
from common.settings import Settings
from common.store.port import Store
from tests.api import described
from tests.api.worker import Bell, FakeWorker
from tests.twins.store.store import MemoryStore

USER = "johny2"
TOKEN = "Ty5wvW7LuQ3T"
TAG = "my-test-db1"
ME = {"username": USER, "token": TOKEN}


@dataclass
class World:
    """`post` and `get` speak to the application; `worker` and `store` are what it stands on."""

    service: Service
    store: Store
    bell: Bell
    worker: FakeWorker
    client: httpx.AsyncClient
    app: ASGIApp

    async def post(
        self,
        operation: str,
        fields: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **more: str,
    ) -> httpx.Response:
        """A form by the well-known caller; a field of "" in `more` is sent empty."""
        data = {**ME, **(fields or {}), **more}
        return await self.client.post(f"/v0/{operation}", data=data, headers=headers)

    async def create(self, **more: str) -> httpx.Response:
        return await self.post("create", {"cluster_tag": TAG, "replicas": "3", **more})


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread brings about; a minute at most."""
    with anyio.fail_after(60):
        while not condition():  # noqa: ASYNC110 - no event crosses from the threads to here
            await anyio.sleep(0.005)


def settings_of(**changed: object) -> Settings:
    """Settings for tests: hashes that cost nothing, and waits that end."""
    return Settings.model_validate({"password_iterations": 1, "wait": 30.0, **changed})


async def as_described(answer: httpx.Response) -> None:
    """Every answer of every test has to be one that /openapi.json describes."""
    if not answer.headers.get("content-type", "").startswith("text/event-stream"):
        await answer.aread()
    described.check(answer)


@asynccontextmanager
async def world(
    *,
    store: Store | None = None,
    rebuilt: bool = True,
    seed: int = 7,
    silence: float = SILENCE,
    registry: CollectorRegistry | None = None,
    **changed: object,
) -> AsyncIterator[World]:
    """A world that is torn down with its threads. `registry` takes what the api counts."""
    if store is None:
        store = MemoryStore(time.time)
    if rebuilt:
        store.rebuild(())
    bell = Bell()
    worker = FakeWorker(store, bell)
    service = build_service(
        store,
        bell,
        settings_of(**changed),
        chance=random.Random(seed),
        clock=time.monotonic,
        version="0.0.0",
        read_for=0.05,
        silence=silence,
    )
    app = build_app(service, clock=time.monotonic, meter=Meter(registry))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    worker.start()
    try:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=transport, base_url="http://kanto.test", timeout=60, event_hooks={"response": [as_described]}
            ) as client,
        ):
            yield World(service, store, bell, worker, client, app)
    finally:
        worker.stop()
