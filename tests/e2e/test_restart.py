"""Everything stopped and started again, politely and not; and an api that goes away under its clients."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.conftest import MakeService
from tests.e2e.inside import Inside, seconds_until
from tests.e2e.service import Service, User, wait_until
from tests.e2e.writers import assert_everywhere, numbered, put_all
from worker.platforms.process.processes import read_process


def running_instances(service: Service) -> list[Path]:
    """The folders of servers and balancers of this home whose process lives."""
    folders = [file.parent for file in service.home.glob("clusters/*/**/process.json")]
    return [folder for folder in folders if read_process(folder) is not None]


def test_everything_stopped_and_started_again(make_service: MakeService) -> None:
    service = make_service()
    user = service.user("rosa")
    before = user.result("create", cluster_tag="night", replicas=3)
    put_all(user.couch(before["Endpoint"]), "test", numbered(50))
    user.result("replicate", cluster_tag="night", databases="orders")
    kept = user.begin("create", cluster_tag="second", replicas=1)
    assert user.ended(kept)["status"] == "succeeded"
    took = service.stop()
    print(f"stopped within {took:.1f} s")
    assert running_instances(service) == []
    service.start()
    seconds_until("the cluster to be ready", lambda: user.detail("night")["Status"] == "ready")
    after = user.detail("night")
    assert (after["Endpoint"], after["Replicas"]) == (before["Endpoint"], 3)
    assert after["Databases"] == ["_users", "orders", "test"]
    assert [one["Uuid"] for one in after["Instances"]] == [one["Uuid"] for one in before["Instances"]]
    assert user.job(kept)["status"] == "succeeded"
    assert_everywhere(user, "night", {f"doc{n}" for n in range(50)})

    job = user.begin("scale", cluster_tag="night", replicas=5)
    inside = Inside(service)
    wait_until("the job to run", lambda: inside.step(job))
    service.kill()
    service.start()
    assert user.ended(job)["status"] == "succeeded", "a job outlives a kanto that was killed outright"
    assert len(user.ready("night")["Instances"]) == 5
    assert_everywhere(user, "night", {f"doc{n}" for n in range(50)})

    job = user.begin("scale", cluster_tag="night", replicas=2)
    Inside(service).wait_for(job, "draining")
    service.stop()
    service.start()
    assert user.ended(job)["status"] == "succeeded"
    assert len(user.ready("night")["Instances"]) == 2
    assert_everywhere(user, "night", {f"doc{n}" for n in range(50)})


def test_an_api_that_is_killed_loses_no_job(service: Service) -> None:
    user = service.user("apollo")
    answers: list[Any] = []
    waiting = threading.Thread(target=wait_for_create, args=(user, answers))
    waiting.start()
    inside = Inside(service)
    job = wait_until("the job", lambda: inside.job(user, "waited"))
    wait_until("the job to run", lambda: inside.step(job))
    (api,) = service.processes("-m api")
    os.kill(api, signal.SIGKILL)
    waiting.join(timeout=60)
    assert len(answers) == 1
    assert isinstance(answers[0], httpx.TransportError), "its connection was cut; nobody lied to it"
    seconds_until("the api to be well again", service.is_ready)
    assert user.ended(job)["status"] == "succeeded"
    user.ready("waited")
    user.result("delete", cluster_tag="waited")


def wait_for_create(user: User, answers: list[Any]) -> None:
    try:
        answers.append(user.post("create", cluster_tag="waited", replicas=4))
    except httpx.TransportError as cut:
        answers.append(cut)


def test_a_client_that_polls_bears_a_restart_of_the_api(service: Service) -> None:
    user = service.user("polly")
    job = user.begin("create", cluster_tag="polled", replicas=4)
    (api,) = service.processes("-m api")
    os.kill(api, signal.SIGTERM)
    assert user.ended(job)["status"] == "succeeded"
    wait_until("the api to be well again", service.is_ready)
    user.result("delete", cluster_tag="polled")
