"""Many at once: twenty clusters, and two clients who want the same one."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.e2e.service import Service, wait_until
from tests.e2e.writers import assert_everywhere, numbered, put_all

CROWD = 20


def test_twenty_clusters_are_made_and_removed_at_once(service: Service) -> None:
    users = [service.user(f"crowd{n}") for n in range(CROWD)]
    jobs = [user.begin("create", cluster_tag="mine", replicas=1 + n % 3) for n, user in enumerate(users)]
    for user, job in zip(users, jobs, strict=True):
        assert user.ended(job)["status"] == "succeeded"
    endpoints = set()
    for n, user in enumerate(users):
        detail = user.ready("mine")
        assert len(detail["Instances"]) == 1 + n % 3
        endpoints.add(detail["Endpoint"])
        put_all(user.couch(detail["Endpoint"]), "test", numbered(2, prefix=user.name))
        assert_everywhere(user, "mine", {f"{user.name}0", f"{user.name}1"})
    assert len(endpoints) == CROWD
    stranger = httpx.get(f"{next(iter(endpoints))}/_all_dbs", auth=("nobody", "not-a-token"), timeout=10)
    assert stranger.status_code == 401
    jobs = [user.begin("delete", cluster_tag="mine") for user in users]
    for user, job in zip(users, jobs, strict=True):
        assert user.ended(job)["status"] == "succeeded"
        assert user.result("list") == []
    assert not list((service.home / "clusters").glob("cdb-mine-*"))


def test_more_databases_than_couchdb_replicates_at_once_unless_told_otherwise(service: Service) -> None:
    """500, by its default: with more the links of a ring would take turns, and the cluster would never be ready."""
    user = service.user("librarian")
    user.result("create", cluster_tag="shelves", replicas=2)
    names = [f"shelf{n}" for n in range(510)]
    made = user.ended(user.begin("replicate", cluster_tag="shelves", databases=",".join(names)))
    assert (made["status"], made["result"]["Status"]) == ("succeeded", "ready")
    put_all(user.couch(made["result"]["Endpoint"]), names[-1], numbered(2))
    assert_everywhere(user, "shelves", {"doc0", "doc1"}, database=names[-1])
    user.result("delete", cluster_tag="shelves")


def test_two_clients_that_create_one_tag_at_once(service: Service) -> None:
    user = service.user("twins")
    user.result("create", cluster_tag="first", replicas=1)
    start = threading.Barrier(2)

    def create(replicas: int) -> httpx.Response:
        start.wait(timeout=30)
        return user.post("create", cluster_tag="same", replicas=replicas)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(create, (1, 2)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    won = next(answer.json()["result"] for answer in answers if answer.status_code == 200)
    lost = next(answer.json() for answer in answers if answer.status_code == 409)
    assert lost["code"] == "cluster_exists"
    assert len(user.ready("same")["Instances"]) == won["Replicas"]
    for tag in ("first", "same"):
        user.result("delete", cluster_tag=tag)


def test_two_strangers_that_claim_one_name_at_once(service: Service) -> None:
    start = threading.Barrier(2)

    def create(token: str) -> httpx.Response:
        start.wait(timeout=30)
        return service.user("claimed", token).post("create", cluster_tag=token[:7], replicas=1)

    with ThreadPoolExecutor(2) as pool:
        answers = dict(zip(("token-a-1", "token-b-1"), pool.map(create, ("token-a-1", "token-b-1")), strict=True))
    assert sorted(answer.status_code for answer in answers.values()) == [200, 401]
    (winner,) = (token for token, answer in answers.items() if answer.status_code == 200)
    service.user("claimed", winner).result("delete", cluster_tag=winner[:7])


def test_one_job_at_a_time(service: Service) -> None:
    user = service.user("uno")
    job = user.begin("create", cluster_tag="only", replicas=3)
    refused = user.post("scale", cluster_tag="only", replicas=4)
    assert refused.status_code == 409
    assert refused.json()["job"] == job
    assert user.ended(job)["status"] == "succeeded"
    wait_until("the next job", lambda: user.post("scale", cluster_tag="only", replicas=4).status_code == 200)
    user.result("delete", cluster_tag="only")
