"""A release from its install to its end, while users work with it."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import httpx
import pytest

from tests.chart.parts import TAG
from tests.chart.release import NAME, Release, merged
from tests.e2e.service import User, wait_until
from tests.kubernetes.couch import endpoint_of
from tests.running import Running
from worker.platforms.kubernetes.resources import PODS, STATEFUL_SETS, VOLUME_CLAIMS

TAGS = "shop-db"
DOCUMENTS = 50
WRITER = """
import json, os, urllib.request
for number in range(int(os.environ["COUNT"])):
    request = urllib.request.Request(f"{os.environ['URL']}/test/from-a-pod-{number}", b"{}", method="PUT")
    request.add_header("Authorization", "Basic " + os.environ["LOGIN"])
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status in (201, 202), answer.status
"""


@pytest.fixture(scope="module")
def johny(release: Release) -> User:
    """A user of an installed kanto, with a cluster of three."""
    release.put()
    release.wait_until_ready()
    user = release.user("johny2")
    user.result("create", cluster_tag=TAGS, replicas=3)
    return user


def count(user: User) -> int:
    found: int = endpoint_of(user, user.detail(TAGS)).get("/test").json()["doc_count"]
    return found


def test_another_pod_writes_through_the_endpoint(release: Release, johny: User) -> None:
    login = httpx.BasicAuth(*johny.login)._auth_header.removeprefix("Basic ")
    given = {"URL": johny.detail(TAGS)["Endpoint"], "LOGIN": login, "COUNT": str(DOCUMENTS)}
    release.admin.create(PODS, release.namespace, writer_pod(given))

    def has_ended() -> str | None:
        phase: str = release.admin.there(PODS, release.namespace, "writer")["status"]["phase"]
        return phase if phase in ("Succeeded", "Failed") else None

    assert wait_until("the writer to end", has_ended) == "Succeeded"
    wait_until("the documents to be everywhere", lambda: count(johny) == DOCUMENTS)


def writer_pod(environment: dict[str, str]) -> dict[str, object]:
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "writer",
        "image": f"localhost/kanto:{TAG}",
        "imagePullPolicy": "Never",
        "command": ["python", "-c", WRITER],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "securityContext": security,
    }
    spec = {
        "restartPolicy": "Never",
        "containers": [container],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    return {"metadata": {"name": "writer"}, "spec": spec}


@pytest.mark.usefixtures("johny")
def test_helm_test_finds_it_at_work(release: Release) -> None:
    assert "Succeeded" in release.helm("test", NAME, "--namespace", release.namespace)


@pytest.mark.usefixtures("johny")
def test_workers_come_and_go_while_twelve_clusters_are_made(release: Release) -> None:
    release.scale_workers(1)
    users = [release.user(f"user-{number}") for number in range(12)]
    jobs = [(user, user.begin("create", cluster_tag="some-db", replicas=1)) for user in users]
    release.scale_workers(4)
    assert len(release.pods("worker")) == 4
    release.scale_workers(1)
    for user, job in jobs:
        assert user.ended(job)["status"] == "succeeded"
    ends = [(user, user.begin("delete", cluster_tag="some-db")) for user in users]
    for user, job in ends:
        assert user.ended(job)["status"] == "succeeded"
    release.scale_workers(2)


@contextmanager
def asking(release: Release) -> Iterator[list[str]]:
    """Ask without a pause, each time on a new connection; what went wrong, and as many answers as there were."""
    failures: list[str] = []
    user, answers = release.user("johny2"), [0]
    url = release.url

    def ask(ends: threading.Event) -> None:
        form = {"username": user.name, "token": user.token}
        while not ends.is_set():
            try:
                answer = httpx.post(f"{url}/v0/list", data=form, timeout=30, trust_env=False)
            except httpx.HTTPError as error:
                failures.append(repr(error))
                continue
            answers[0] += 1
            if answer.status_code != 200:
                failures.append(answer.text)

    with Running([ask], who="the client"):
        yield failures
    assert answers[0] > 10


def test_an_upgrade_under_load_refuses_nobody_and_loses_no_job(release: Release, johny: User) -> None:
    before = {pod["metadata"]["name"] for one in ("api", "worker") for pod in release.pods(one)}
    with asking(release) as failures:
        job = johny.begin("scale", cluster_tag=TAGS, replicas=5)
        changed = {"podAnnotations": {"upgraded": "yes"}}
        release.put(merged({"api": changed, "worker": changed}))
        assert johny.ended(job)["status"] == "succeeded"
        back = johny.begin("scale", cluster_tag=TAGS, replicas=3)
        assert johny.ended(back)["status"] == "succeeded"
    assert failures == []
    after = {pod["metadata"]["name"] for one in ("api", "worker") for pod in release.pods(one)}
    assert not before & after
    assert count(johny) == DOCUMENTS


def test_pods_deleted_at_random_lose_no_accepted_job(release: Release, johny: User) -> None:
    chance = random.Random(5)
    accepted: list[str] = []
    for replicas in (4, 3, 4, 3):
        job = wait_until("a job to be accepted", partial(begin_if_it_can, johny, replicas))
        accepted.append(job)
        for component in chance.sample(("api", "worker", "redis"), 2):
            pod = chance.choice(release.pods(component))["metadata"]["name"]
            release.admin.delete(PODS, release.namespace, pod)
        assert johny.ended(job)["status"] == "succeeded"
        wait_until("every part to be back", lambda: release.pods("redis") and release.pods("api"))
    release.wait_until_ready()
    assert count(johny) == DOCUMENTS


def begin_if_it_can(user: User, replicas: int) -> str | None:
    """The accepted job's id; None where Redis is away, which is said so that a client knows when to ask again."""
    try:
        answer = user.post("scale", cluster_tag=TAGS, replicas=replicas, **{"async": 1})
    except httpx.HTTPError:
        return None  # the pod of the api that was asked is one of those deleted
    if answer.status_code == 503:
        assert int(answer.headers["Retry-After"]) > 0
        return None
    assert answer.status_code == 202, answer.text
    job: str = answer.json()["result"]["Job"]
    return job


def test_while_redis_is_away_the_api_says_so(release: Release, johny: User) -> None:
    (redis,) = release.pods("redis")
    release.admin.patch(STATEFUL_SETS, release.namespace, f"{NAME}-redis", {"spec": {"replicas": 0}})
    wait_until(
        "Redis to be gone", lambda: release.admin.get(PODS, release.namespace, redis["metadata"]["name"]) is None
    )
    answer = johny.post("detail", cluster_tag=TAGS)
    assert (answer.status_code, answer.json()["status"]) == (503, "error")
    assert int(answer.headers["Retry-After"]) > 0
    release.admin.patch(STATEFUL_SETS, release.namespace, f"{NAME}-redis", {"spec": {"replicas": 1}})
    release.wait_until_ready()
    assert johny.ready(TAGS)["Replicas"] == 3


def test_an_uninstall_leaves_clusters_and_a_new_install_without_its_redis_finds_them(
    release: Release, johny: User
) -> None:
    endpoint = endpoint_of(johny, johny.detail(TAGS))
    release.remove()
    assert endpoint.get("/test").json()["doc_count"] == DOCUMENTS
    release.admin.delete(VOLUME_CLAIMS, release.namespace, f"data-{NAME}-redis-0")
    release.put()
    release.wait_until_ready()
    assert johny.ready(TAGS)["Replicas"] == 3
    assert count(johny) == DOCUMENTS
    johny.result("scale", cluster_tag=TAGS, replicas=2)


def test_clusters_go_too_where_the_values_say_so(release: Release, johny: User) -> None:
    release.put(merged({"uninstall": {"removeClusters": True}}))
    release.remove()
    release.admin.wait_until_nothing_is_left(release.namespace, johny.name, TAGS)
