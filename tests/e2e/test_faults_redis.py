"""A Redis that is killed, that hangs, and that comes back without its data."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import MakeService
from tests.e2e.inside import Inside, seconds_until
from tests.e2e.service import Service, wait_until
from tests.e2e.writers import assert_everywhere, numbered, put_all


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"KANTO_LEASE": "3", "KANTO_GRACE": "1"}
    made = Service(tmp_path_factory.mktemp("redis") / "home", range(27000, 28000), settings)
    made.start()
    yield made
    made.end()


def pid_of_redis(service: Service) -> int:
    (pid,) = service.processes("-server")
    return pid


@pytest.fixture(autouse=True)
def well(service: Service) -> None:
    wait_until("kanto to be ready", service.is_ready)


LATER = ("creating databases", "linking the ring", "putting filled instances")
"""Each of them is over within milliseconds: whichever is seen."""


@pytest.mark.parametrize("steps", [("starting instances",), LATER], ids=["at first", "later"])
def test_a_job_goes_on_after_redis_was_killed(service: Service, steps: tuple[str, ...]) -> None:
    user, inside = service.user("rita"), Inside(service)
    job = user.begin("create", cluster_tag="kept", replicas=3)
    inside.wait_for(job, *steps)
    os.kill(pid_of_redis(service), signal.SIGKILL)
    seconds_until("the api to be well again", service.is_ready)
    assert user.ended(job)["status"] == "succeeded"
    user.ready("kept")
    user.result("delete", cluster_tag="kept")


def test_scaling_down_goes_on_after_redis_was_killed(service: Service) -> None:
    user, inside = service.user("rita"), Inside(service)
    made = user.result("create", cluster_tag="down", replicas=4)
    put_all(user.couch(made["Endpoint"]), "test", numbered(200))
    job = user.begin("scale", cluster_tag="down", replicas=2)
    inside.wait_for(job, "draining")
    os.kill(pid_of_redis(service), signal.SIGKILL)
    ended = user.ended(job)
    assert ended["status"] == "succeeded", ended
    assert len(user.ready("down")["Instances"]) == 2
    assert_everywhere(user, "down", {f"doc{n}" for n in range(200)})
    user.result("delete", cluster_tag="down")


def test_each_worker_works_again_after_redis_was_killed(service: Service) -> None:
    """Not only one of them: each has to read its queue again, by itself."""
    user, inside = service.user("rita"), Inside(service)
    user.result("create", cluster_tag="anyone", replicas=1)
    os.kill(pid_of_redis(service), signal.SIGKILL)
    wait_until("kanto to be ready", service.is_ready)
    workers = wait_until("two workers", lambda: two(service.processes("-m worker")))
    for replicas, idle in enumerate(workers, start=2):
        with inside.held_still(idle):
            assert user.ended(user.begin("scale", cluster_tag="anyone", replicas=replicas))["status"] == "succeeded"
    user.result("delete", cluster_tag="anyone")


def two(pids: list[int]) -> list[int] | None:
    return pids if len(pids) == 2 else None


def test_the_data_are_served_while_redis_hangs(service: Service) -> None:
    user, inside = service.user("rita"), Inside(service)
    made = user.result("create", cluster_tag="hang", replicas=2)
    endpoint = user.couch(made["Endpoint"])
    with inside.held_still(pid_of_redis(service)):
        assert user.post("list").status_code == 503
        put_all(endpoint, "test", numbered(10))
        assert_arrived = user.couch(made["Instances"][1]["Url"])
        wait_until("the writes to arrive", lambda: assert_arrived.get("/test").json()["doc_count"] == 10)
    seconds_until("the api to be well again", service.is_ready)
    user.result("scale", cluster_tag="hang", replicas=3)
    user.result("delete", cluster_tag="hang")


def test_a_redis_that_lost_its_data_is_filled_again_by_the_workers(service: Service) -> None:
    """While all else runs: the workers meet a Redis that knows nothing, and nobody can claim a name in between."""
    user, inside = service.user("rita"), Inside(service)
    before = user.result("create", cluster_tag="lost", replicas=2)
    put_all(user.couch(before["Endpoint"]), "test", numbered(10))
    inside.redis.flushall()
    stranger = service.user("rita", "another-token-1")
    assert stranger.post("create", cluster_tag="mine", replicas=1).status_code in (401, 503)
    seconds_until("the specs to be back", lambda: user.post("list").status_code == 200)
    assert stranger.post("create", cluster_tag="mine", replicas=1).status_code == 401
    after = user.ready("lost")
    assert [one["Uuid"] for one in after["Instances"]] == [one["Uuid"] for one in before["Instances"]]
    assert user.result("scale", cluster_tag="lost", replicas=3)["Status"] == "ready"
    assert_everywhere(user, "lost", {f"doc{n}" for n in range(10)})
    user.result("delete", cluster_tag="lost")


def test_everything_but_jobs_survives_a_redis_lost_while_all_was_stopped(make_service: MakeService) -> None:
    service = make_service()
    user = service.user("rita")
    before = user.result("create", cluster_tag="whole", replicas=3)
    user.result("replicate", cluster_tag="whole", databases="orders,*")
    put_all(user.couch(before["Endpoint"]), "orders", numbered(10))
    deleted = user.begin("create", cluster_tag="going", replicas=1)
    assert user.ended(deleted)["status"] == "succeeded"
    user.result("delete", cluster_tag="going")
    service.stop()
    lose_data(service.home / "redis")
    service.start()

    assert service.user("rita", "another-token-1").post("list").status_code == 401
    assert service.user("rita", "another-token-1").post("create", replicas=1).status_code == 401
    old = httpx.get(f"{service.url}/v0/jobs/{deleted}", auth=user.login, timeout=10)
    assert (old.status_code, old.json()["code"]) == (404, "no_such_job")
    assert "lost with a lost Redis" in old.json()["error_detail"]
    assert [one["Tag"] for one in user.result("list")] == ["whole"]
    after = user.ready("whole")
    assert after["Endpoint"] == before["Endpoint"]
    assert after["Databases"] == ["_users", "orders", "test"]
    assert [one["Uuid"] for one in after["Instances"]] == [one["Uuid"] for one in before["Instances"]]
    assert_everywhere(user, "whole", {f"doc{n}" for n in range(10)}, database="orders")
    assert user.couch(after["Instances"][0]["Url"]).put("/later").status_code == 201
    wait_until("databases=* to be kept", lambda: "later" in user.detail("whole")["Databases"])
    assert len(user.result("scale", cluster_tag="whole", replicas=2)["Instances"]) == 2


def lose_data(folder: Path) -> None:
    shutil.rmtree(folder / "appendonlydir")
    for dump in folder.glob("*.rdb"):
        dump.unlink()
