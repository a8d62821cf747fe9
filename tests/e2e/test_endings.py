"""How jobs end that do not succeed, and what becomes of the cluster: a proof that fails, a word given, a delete."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.inside import Inside, seconds_until
from tests.e2e.service import Service, User, wait_until
from tests.e2e.writers import Writers, assert_everywhere, numbered, put_all

NEVER = "function (document, before, user) { throw {forbidden: 'never'}; }"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"KANTO_LEASE": "3", "KANTO_GRACE": "1", "KANTO_DEADLINE_PROGRESS": "20", "KANTO_BRIDGE_AFTER": "4"}
    made = Service(tmp_path_factory.mktemp("endings") / "home", range(29000, 30000), settings)
    made.start()
    yield made
    made.end()


def make_what_cannot_be_proved(user: User, made: dict[str, Any]) -> None:
    """A database on the last instance whose documents nobody else takes."""
    *others, last = [user.couch(one["Url"]) for one in made["Instances"]]
    for client in (*others, last):
        assert client.put("/stuck").status_code == 201
    put_all(last, "stuck", numbered(3))
    assert last.put("/fine").status_code == 201
    put_all(last, "fine", numbered(3))
    for client in others:
        assert client.put("/stuck/_design/no", json={"validate_doc_update": NEVER}).status_code == 201


def is_as_before(user: User, tag: str, made: dict[str, Any]) -> None:
    """All instances of before serve, unfenced and linked, with the same data."""
    detail = user.ready(tag)
    assert detail["Replicas"] == made["Replicas"]
    assert [one["Uuid"] for one in detail["Instances"]] == [one["Uuid"] for one in made["Instances"]]
    assert {one["State"] for one in detail["Instances"]} == {"serving"}
    for one in detail["Instances"]:
        client = user.couch(one["Url"])
        assert client.put(f"/test/after-{one['Name']}", json={}).status_code == 201
    assert_everywhere(user, tag, {f"after-{one['Name']}" for one in detail["Instances"]})


def test_a_failed_proof_ends_the_job_and_everything_serves_again(service: Service) -> None:
    user = service.user("prue")
    made = user.result("create", cluster_tag="unproved", replicas=3)
    make_what_cannot_be_proved(user, made)
    ended = user.ended(user.begin("scale", cluster_tag="unproved", replicas=2))
    assert ended["status"] == "failed", ended
    assert "stuck" in str(ended["reasons"]), "people are told what is missing"
    is_as_before(user, "unproved", made)
    assert user.couch(made["Instances"][2]["Url"]).get("/stuck").json()["doc_count"] == 3

    forced = user.ended(user.begin("scale", cluster_tag="unproved", replicas=2, force=1))
    assert forced["status"] == "succeeded", "force=1 is the user's word to go on"
    assert "forced" in {reason["code"] for reason in forced["reasons"]}, "and it is recorded"
    assert len(user.ready("unproved")["Instances"]) == 2
    assert_everywhere(user, "unproved", {f"doc{n}" for n in range(3)}, database="fine")
    user.result("delete", cluster_tag="unproved")


def test_a_leaver_that_hangs_goes_by_the_users_word(service: Service) -> None:
    user, inside = service.user("fay"), Inside(service)
    made = user.result("create", cluster_tag="forced", replicas=3)
    put_all(user.couch(made["Endpoint"]), "test", numbered(20))
    assert_everywhere(user, "forced", {f"doc{n}" for n in range(20)})
    with inside.held_still(inside.pid(made["Instances"][2]["Name"])):
        ended = user.ended(user.begin("scale", cluster_tag="forced", replicas=2, force=1))
        assert ended["status"] == "succeeded", ended
        assert "forced" in {reason["code"] for reason in ended["reasons"]}
    assert len(user.ready("forced")["Instances"]) == 2
    assert_everywhere(user, "forced", {f"doc{n}" for n in range(20)})
    user.result("delete", cluster_tag="forced")


@pytest.mark.parametrize("step", ["putting filled", "fencing the instances", "draining the instances"])
def test_a_delete_ends_a_running_job_as_superseded(service: Service, step: str) -> None:
    user, inside = service.user("dell"), Inside(service)
    made = user.result("create", cluster_tag="cut-short", replicas=4)
    put_all(user.couch(made["Endpoint"]), "test", numbered(300))
    job = user.begin("scale", cluster_tag="cut-short", replicas=2)
    inside.wait_for(job, step)
    assert user.result("delete", cluster_tag="cut-short") is None
    ended = user.job(job)
    assert (ended["status"], ended["error"]["code"]) == ("canceled", "superseded")
    nothing_is_left(service, "cut-short", made)


@pytest.mark.parametrize("step", ["starting instances", "creating databases", "linking the ring"])
def test_a_delete_works_from_every_half_made_state(service: Service, step: str) -> None:
    user, inside = service.user("hal"), Inside(service)
    job = user.begin("create", cluster_tag="half", replicas=3)
    inside.wait_for(job, step)
    user.result("delete", cluster_tag="half")
    assert user.job(job)["status"] == "canceled"
    nothing_is_left(service, "half")


def nothing_is_left(service: Service, tag: str, made: dict[str, Any] | None = None) -> None:
    assert not list((service.home / "clusters").glob(f"cdb-{tag}-*"))
    for one in made["Instances"] if made else ():
        with pytest.raises(httpx.TransportError):
            httpx.get(one["Url"], timeout=2)


def test_a_cluster_made_again_under_one_tag_is_left_alone_by_the_removal_of_the_former(service: Service) -> None:
    """A removed cluster stays due for minutes and is removed again (H18): each time only that one."""
    user, inside = service.user("gwen"), Inside(service)
    former = user.result("create", cluster_tag="again", replicas=2)
    put_all(user.couch(former["Endpoint"]), "test", numbered(5, prefix="old"))
    user.result("delete", cluster_tag="again")
    made = user.result("create", cluster_tag="again", replicas=2)
    endpoint = user.couch(made["Endpoint"])
    assert {one["Uuid"] for one in made["Instances"]}.isdisjoint({one["Uuid"] for one in former["Instances"]})
    assert endpoint.get("/test").json()["doc_count"] == 0
    put_all(endpoint, "test", numbered(5))
    for _ in range(3):  # looks of a worker, each under a fencing number of its own
        fence = inside.fence(user, "again")
        user.detail("again")
        wait_until("a look", lambda fence=fence: inside.fence(user, "again") > fence)  # type: ignore[misc]
    is_as_before(user, "again", made)
    assert_everywhere(user, "again", {f"doc{n}" for n in range(5)})
    user.result("delete", cluster_tag="again")


def test_a_removed_cluster_does_not_exist_for_anybody(service: Service) -> None:
    user = service.user("zoe")
    made = user.result("create", cluster_tag="zombie", replicas=1)
    user.result("delete", cluster_tag="zombie")
    assert user.post("detail", cluster_tag="zombie").status_code == 404
    assert user.post("scale", cluster_tag="zombie", replicas=2).status_code == 404
    assert user.post("delete", cluster_tag="zombie").status_code == 404
    nothing_is_left(service, "zombie", made)


def test_an_instance_lost_while_its_cluster_shrinks_fails_no_promise(service: Service) -> None:
    """A survivor dies in the middle of a drain: the others are drained to, or it is waited for."""
    user, inside = service.user("sid"), Inside(service)
    made = user.result("create", cluster_tag="surv", replicas=4)
    with Writers(user, made["Endpoint"], threads=2) as writers:
        writers.wait_for(30)
        job = user.begin("scale", cluster_tag="surv", replicas=2)
        inside.wait_for(job, "fencing", "draining")
        os.kill(inside.pid(made["Instances"][0]["Name"]), signal.SIGKILL)
        ended = user.ended(job)
        writers.wait_for(10)
    assert ended["status"] == "succeeded", ended
    seconds_until("the cluster to be ready", lambda: user.detail("surv")["Status"] == "ready")
    assert_everywhere(user, "surv", writers.acknowledged)
    user.result("delete", cluster_tag="surv")
