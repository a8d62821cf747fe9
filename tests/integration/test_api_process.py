"""The api as a process, over real sockets and a real Redis."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from common.cluster import ClusterKey
from common.errors import StoreUnavailable
from common.store.redis import RedisStore
from tests.api.worker import TTL, Bell, FakeWorker
from tests.ports import free_port
from tests.servers import RedisServer

PATIENCE = 60.0
"""Seconds for what a loaded machine may take; nothing waits so long when all is well."""

TOKEN = "Ty5wvW7LuQ3T"
ME = {"username": "johny2", "token": TOKEN}
NEW = {**ME, "cluster_tag": "my-test-db1", "replicas": "3"}
KEY = {"Idempotency-Key": "a-key"}


class Api:
    """`python -m api` on a port of its own, its log in a file."""

    def __init__(self, redis_url: str, log: Path) -> None:
        self.port = free_port()
        self.log = log
        environment = {
            **os.environ,
            "KANTO_REDIS_URL": redis_url,
            "KANTO_PORT": str(self.port),
            "KANTO_PASSWORD_ITERATIONS": "10",
            "KANTO_LOG_FORMAT": "json",
        }
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "api"], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE, trust_env=False)
        until(self._answers)

    def post(self, operation: str, fields: dict[str, str], *, prefer: str = "") -> httpx.Response:
        headers = {"Prefer": prefer} if prefer else {}
        return self.client.post(f"/v0/{operation}", data=fields, headers=headers)

    def close(self) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False


class Worker:
    """Claims what is due, as a worker's ticker does, and says that it did it."""

    def __init__(self, redis_url: str) -> None:
        self.store = RedisStore(redis_url)
        self._steps = FakeWorker(self.store, Bell())
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        until(self._rebuild)
        self._thread.start()

    def close(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(PATIENCE)
        self.store.close()

    def _rebuild(self) -> bool:
        try:
            self.store.rebuild(())
        except StoreUnavailable:
            return False
        return True

    def _run(self) -> None:
        while not self._stopped.wait(0.02):
            try:
                for key in self.store.claim("worker-1", limit=100, lease=TTL).keys:
                    self._steps.step(key)
            except StoreUnavailable:
                continue


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


@contextmanager
def running(redis_url: str, folder: Path) -> Iterator[Api]:
    api = Api(redis_url, folder / "api.log")
    try:
        yield api
    finally:
        api.close()


@contextmanager
def working(redis_url: str) -> Iterator[Worker]:
    worker = Worker(redis_url)
    worker.start()
    try:
        yield worker
    finally:
        worker.close()


def test_a_cluster_is_made_shown_and_deleted(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path) as api, working(redis_url):
        created = api.post("create", NEW)
        assert created.status_code == 200, created.text
        assert created.text.split('"')[27] == "http://127.0.0.1:20000"
        assert api.post("detail", NEW).json()["result"]["Status"] == "ready"
        assert len(api.post("list", ME).json()["result"]) == 1
        assert api.client.get("/readyz").status_code == 200
        assert api.post("delete", NEW).status_code == 200
        assert api.post("list", ME).json()["result"] == []


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_curl_cuts_the_endpoint(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path) as api, working(redis_url):
        form = "&".join(f"{name}={value}" for name, value in NEW.items())
        command = f"curl -s 127.0.0.1:{api.port}/v0/create -d '{form}' | cut -d\\\" -f28"
        cut = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=PATIENCE, check=True)
        assert cut.stdout == "http://127.0.0.1:20000\n"


def test_a_body_of_three_megabytes_gets_its_answer(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path) as api:
        for headers in ({}, {"Expect": "100-continue"}):
            answer = api.client.post("/v0/create", content=b"a=" + b"x" * 3_000_000, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

        def pieces() -> Iterator[bytes]:
            for _ in range(300):
                yield b"x" * 10_000

        assert api.client.post("/v0/create", content=pieces()).status_code == 413
        assert api.client.get("/healthz").status_code == 200


def test_a_body_without_an_end_is_cut(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path) as api, socket.create_connection(("127.0.0.1", api.port), PATIENCE) as caller:
        caller.sendall(b"POST /v0/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")

        def send_without_end() -> None:
            chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
            for _ in range(10_000):
                caller.sendall(chunk)

        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            send_without_end()
        until(lambda: '"status": 413' in api.log.read_text())


def test_before_a_worker_has_filled_the_store_nobody_can_claim_a_name(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path) as api:
        answer = api.post("create", NEW)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_rebuilt")
        assert answer.headers["retry-after"]
        assert api.client.get("/readyz").status_code == 503


def test_without_a_worker_the_job_waits_for_one(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path) as api:
        RedisStore(redis_url).rebuild(())
        waiting = api.post("create", NEW, prefer="wait=0")
        assert (waiting.status_code, waiting.json()["code"]) == (202, "still_running")
        assert api.client.get("/readyz").json()["result"]["workers"] == 0
        with working(redis_url):
            job = waiting.headers["location"]
            until(lambda: api.client.get(job, auth=(ME["username"], TOKEN)).json()["result"]["status"] == "succeeded")


def test_sigterm_answers_all_who_wait_and_ends(redis_url: str, tmp_path: Path) -> None:
    store = RedisStore(redis_url)
    store.rebuild(())
    with running(redis_url, tmp_path) as api, ThreadPoolExecutor(20) as callers:
        answers = [
            callers.submit(api.post, "create", {**NEW, "cluster_tag": f"tag{number:02}"}) for number in range(20)
        ]
        until(lambda: len(store.clusters("johny2")) == 20 or any(answer.done() for answer in answers))
        assert [answer.result().text for answer in answers if answer.done()] == []
        api.process.send_signal(signal.SIGTERM)
        got = [answer.result(PATIENCE) for answer in answers]
        assert {answer.status_code for answer in got} == {202}
        jobs = {answer.json()["job"] for answer in got}
        assert len(jobs) == 20
        assert all(store.job(job) is not None for job in jobs)
        assert api.process.wait(PATIENCE) == 0
    store.close()


def test_one_who_hangs_up_ends_the_wait_and_not_the_job(redis_url: str, tmp_path: Path) -> None:
    store = RedisStore(redis_url)
    store.rebuild(())
    body = "&".join(f"{name}={value}" for name, value in NEW.items()).encode()
    with running(redis_url, tmp_path) as api:
        with socket.create_connection(("127.0.0.1", api.port), timeout=PATIENCE) as caller:
            caller.sendall(b"POST /v0/create HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            until(lambda: len(store.clusters("johny2")) == 1)
        until(lambda: '"path": "/v0/create"' in api.log.read_text())  # the request is over, long before its 120 s
        (record,) = store.clusters("johny2")
        assert record.job is not None
    store.close()


def test_a_request_whose_connection_broke_is_repeated_by_its_key(redis_url: str, tmp_path: Path) -> None:
    """Also at an api that was started since: the first one died after its transaction, and nobody heard of it."""
    store = RedisStore(redis_url)
    store.rebuild(())
    body = "&".join(f"{name}={value}" for name, value in NEW.items()).encode()
    head = b"POST /v0/create HTTP/1.1\r\nHost: x\r\nIdempotency-Key: a-key\r\nContent-Length: %d\r\n\r\n" % len(body)
    with running(redis_url, tmp_path) as api:
        with socket.create_connection(("127.0.0.1", api.port), timeout=PATIENCE) as caller:
            caller.sendall(head + body)
            until(lambda: len(store.clusters("johny2")) == 1)
        api.process.kill()
    with running(redis_url, tmp_path) as api, ThreadPoolExecutor(3) as callers:
        answers = [callers.submit(api.client.post, "/v0/create", data=NEW, headers=KEY) for _ in range(3)]
        other = api.client.post("/v0/create", data={**NEW, "replicas": "4"}, headers=KEY)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
        with working(redis_url):
            got = [answer.result(PATIENCE) for answer in answers]
    assert {answer.status_code for answer in got} == {200}
    assert {answer.headers["idempotency-replayed"] for answer in got} == {"true"}
    assert len({answer.content for answer in got}) == 1
    assert len(store.jobs("johny2")) == 1
    store.close()


def test_redis_goes_and_comes_back(own_redis: RedisServer, tmp_path: Path) -> None:
    with running(own_redis.url, tmp_path) as api, working(own_redis.url) as worker:
        assert api.post("create", NEW).status_code == 200
        own_redis.kill()
        for operation in ("create", "scale", "delete", "list", "detail"):
            started = time.monotonic()
            answer = api.post(operation, {**NEW, "cluster_tag": "other"})
            took = time.monotonic() - started
            assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
            assert int(answer.headers["retry-after"]) >= 1
            assert took < 3.0  # a refused connection takes milliseconds
        assert api.client.get("/healthz").status_code == 200
        assert api.client.get("/readyz").status_code == 503
        own_redis.start()
        until(lambda: api.post("list", ME).status_code == 200)
        assert worker.store.cluster(ClusterKey("johny2", "other")) is None
        assert api.post("create", {**NEW, "cluster_tag": "other"}).status_code == 200


def test_those_who_wait_survive_a_restart_of_redis(own_redis: RedisServer, tmp_path: Path) -> None:
    store = RedisStore(own_redis.url)
    store.rebuild(())
    with running(own_redis.url, tmp_path) as api, ThreadPoolExecutor(5) as callers:
        answers = [callers.submit(api.post, "create", {**NEW, "cluster_tag": f"tag{number}"}) for number in range(5)]
        until(lambda: len(store.clusters("johny2")) == 5 or any(answer.done() for answer in answers))
        assert [answer.result().text for answer in answers if answer.done()] == []
        own_redis.kill()
        own_redis.start()
        with working(own_redis.url):
            assert [answer.result(PATIENCE).status_code for answer in answers] == [200] * 5
    store.close()


def test_a_redis_that_hangs_is_503_and_nothing_is_half_made(own_redis: RedisServer, tmp_path: Path) -> None:
    with running(own_redis.url, tmp_path) as api, working(own_redis.url) as worker:
        assert api.post("create", NEW).status_code == 200
        own_redis.hold()
        answer = api.post("create", {**NEW, "cluster_tag": "other"})
        own_redis.go_on()
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
        until(lambda: api.post("list", ME).status_code == 200)
        assert worker.store.cluster(ClusterKey("johny2", "other")) is None


def test_the_log_holds_no_token(redis_url: str, tmp_path: Path) -> None:
    with running(redis_url, tmp_path) as api, working(redis_url):
        api.post("create", NEW)
        api.client.get("/v0/list", params=ME)
        api.client.get(f"/v0/jobs/{'0' * 32}", auth=(ME["username"], TOKEN))
        api.post("list", {**ME, "token": f"{TOKEN}\xff"})
        api.process.send_signal(signal.SIGTERM)
        assert api.process.wait(PATIENCE) == 0
        said = api.log.read_text()
        assert '"/v0/list"' in said
        assert TOKEN not in said


def test_a_setting_that_makes_no_sense_is_named() -> None:
    environment = {**os.environ, "KANTO_PORT": "eighty"}
    ended = subprocess.run(
        [sys.executable, "-m", "api"], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert ended.returncode == 2
    assert "KANTO_PORT" in ended.stderr
    assert "eighty" not in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_api_ends_at_once(redis_url: str, tmp_path: Path, number: signal.Signals) -> None:
    with running(redis_url, tmp_path) as api:
        api.process.send_signal(number)
        assert api.process.wait(PATIENCE) == 0
