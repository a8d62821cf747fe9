"""Jobs that their user cancels in the middle, on real processes, while clients go on writing."""

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.e2e.inside import Inside
from tests.e2e.service import Service, User, wait_until
from tests.e2e.writers import Writers, assert_everywhere, numbered, put_all


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("cancel") / "home", range(28000, 29000), {"KANTO_GRACE": "1"})
    made.start()
    yield made
    made.end()


def canceled(service: Service, user: User, job: str) -> str:
    """What is undone, as DELETE of the job tells."""
    answer = httpx.delete(f"{service.url}/v0/jobs/{job}", auth=user.login, timeout=10)
    assert answer.status_code == 200, answer.text
    undone: str = answer.json()["result"]["Undone"]
    ended = user.job(job)
    assert (ended["status"], ended["error"]["code"]) == ("canceled", "canceled")
    return undone


@pytest.mark.parametrize("step", ["fencing the instances that leave", "draining the instances that leave"])
def test_a_scale_down_that_is_canceled_has_lost_nothing_and_all_serve_again(service: Service, step: str) -> None:
    user, inside = service.user("cora"), Inside(service)
    made = user.result("create", cluster_tag="undone", replicas=4)
    put_all(user.couch(made["Endpoint"]), "test", numbered(300))
    with ExitStack() as stack:
        writers = stack.enter_context(Writers(user, made["Endpoint"]))
        direct = [
            stack.enter_context(Writers(user, one["Url"], prefix=f"direct{n}", threads=1))
            for n, one in enumerate(made["Instances"])
        ]
        writers.wait_for(20)
        job = user.begin("scale", cluster_tag="undone", replicas=2)
        inside.wait_for(job, step)
        assert canceled(service, user, job) == "the cluster goes back to 4 instances"
        after = user.ready("undone")
        assert after["Replicas"] == 4
        assert [one["State"] for one in after["Instances"]] == ["serving"] * 4
        for one in (writers, *direct):
            one.wait_for(20)  # each instance takes its users again
    assert (writers.odd, writers.nobody) == ([], 0)
    acknowledged = writers.acknowledged.union(*(one.acknowledged for one in direct))
    assert_everywhere(user, "undone", acknowledged | {f"doc{n}" for n in range(300)})
    user.result("delete", cluster_tag="undone")


def test_nothing_is_left_of_a_canceled_create(service: Service) -> None:
    user, inside = service.user("cora"), Inside(service)
    job = user.begin("create", cluster_tag="unborn", replicas=4)
    inside.wait_for(job, "starting instances")
    assert canceled(service, user, job) == "the cluster is removed"
    wait_until("the cluster to go", lambda: user.post("detail", cluster_tag="unborn").status_code == 404)
    assert user.result("list") == []
    assert user.result("create", cluster_tag="unborn", replicas=1)["Status"] == "ready"
    user.result("delete", cluster_tag="unborn")


def test_a_scale_up_that_is_canceled_keeps_what_was_written_meanwhile(service: Service) -> None:
    user, inside = service.user("cora"), Inside(service)
    made = user.result("create", cluster_tag="grown", replicas=2)
    put_all(user.couch(made["Endpoint"]), "test", numbered(300))
    with Writers(user, made["Endpoint"]) as writers:
        job = user.begin("scale", cluster_tag="grown", replicas=5)
        inside.wait_for(job, "filling new instances")
        assert canceled(service, user, job) == "the cluster goes back to 2 instances"
        wait_until("two instances", lambda: len(user.ready("grown")["Instances"]) == 2)
        writers.wait_for(20)
    assert (writers.odd, writers.nobody) == ([], 0)
    assert_everywhere(user, "grown", writers.acknowledged | {f"doc{n}" for n in range(300)})
    user.result("delete", cluster_tag="grown")
