"""What the README's tour promises: create, write, read from every instance, list, detail, delete."""

import httpx
import pytest

from tests.e2e.service import Service, wait_until


def test_a_user_makes_a_ring_writes_reads_everywhere_and_deletes_it(service: Service) -> None:
    user = service.user("johny2")
    made = user.result("create", cluster_tag="my-test-db1", replicas=3)
    assert (made["Tag"], made["Username"], made["Password"]) == ("my-test-db1", "johny2", user.token)
    assert made["Replicas"] == 3
    assert made["Status"] == "ready", made["Reasons"]

    endpoint = user.couch(made["Endpoint"])
    written = [endpoint.put(f"/test/doc{n}", json={"n": n}) for n in range(20)]
    assert {answer.status_code for answer in written} == {201}

    detail = user.detail("my-test-db1")
    assert len(detail["Instances"]) == 3
    assert {instance["State"] for instance in detail["Instances"]} == {"serving"}
    assert len(detail["Links"]) == 3
    states = {r["State"] for link in detail["Links"] for r in link["Replications"]}
    assert states == {"running"}
    for instance in detail["Instances"]:
        client = user.couch(instance["Url"])
        wait_until(
            f"{instance['Name']} to have all",
            lambda client=client: client.get("/test").json()["doc_count"] == 20,  # type: ignore[misc]
        )

    listed = user.result("list")
    assert [(one["Tag"], one["Status"]) for one in listed] == [("my-test-db1", "ready")]

    assert user.result("delete", cluster_tag="my-test-db1") is None
    assert user.result("list") == []
    with pytest.raises(httpx.TransportError):
        httpx.get(made["Endpoint"], timeout=2)
    assert not list((service.home / "clusters").glob("cdb-my-test-db1*"))


def test_a_cluster_of_one_has_no_link(service: Service) -> None:
    user = service.user("ann")
    made = user.result("create", cluster_tag="single", replicas=1)
    assert made["Status"] == "ready"
    assert user.detail("single")["Links"] == []
    user.result("delete", cluster_tag="single")


def test_a_job_can_be_asked_for_instead_of_waited_for(service: Service) -> None:
    user = service.user("bob")
    job = user.begin("create", cluster_tag="later", replicas=2)
    ended = user.ended(job)
    assert ended["status"] == "succeeded"
    assert ended["result"]["Status"] == "ready"
    assert user.ended(user.begin("delete", cluster_tag="later"))["status"] == "succeeded"


def test_someone_elses_cluster_does_not_exist(service: Service) -> None:
    service.user("owner").result("create", cluster_tag="mine", replicas=1)
    other = service.user("other", "another-token-1")
    other.result("create", cluster_tag="hers", replicas=1)
    assert other.post("detail", cluster_tag="mine").status_code == 404
    assert service.user("owner", "not-the-token").post("list").status_code == 401
    service.user("owner").result("delete", cluster_tag="mine")
    other.result("delete", cluster_tag="hers")
