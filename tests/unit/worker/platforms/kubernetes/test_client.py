"""Calls to an API server that is well, busy, slow, away or refuses: what kanto makes of each."""

import pytest

from common.errors import PermanentError, TemporaryError
from tests.fake_kubernetes.objects import Refused
from tests.fake_kubernetes.server import FakeKubernetes
from tests.ports import free_port
from worker.platforms.kubernetes.call import TRIES, Caller
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.connect import connect
from worker.platforms.kubernetes.refusals import Conflict, Missing
from worker.platforms.kubernetes.resources import PODS, SECRETS, SERVICES

BUSY = Refused(500, "InternalError", "etcd is away")


def secret(name: str, **labels: str) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": labels}}


def impatient(url: str) -> Client:
    api = connect(url=url, kubeconfig=None, is_in_cluster=False, connections=1)
    return Client(Caller(api, timeouts=(1.0, 0.2)), "default")


def test_what_was_created_is_read_and_listed(client: Client) -> None:
    made = client.create(SECRETS, secret("one", app="couch"))
    client.create(SECRETS, secret("two", app="other"))
    assert client.get(SECRETS, "one") == made
    assert [item["metadata"]["name"] for item in client.find(SECRETS, labels="app=couch").items] == ["one"]


def test_what_is_not_there_is_none(client: Client) -> None:
    assert client.get(SECRETS, "one") is None
    assert client.find(SECRETS).items == ()


def test_a_second_of_one_name_is_a_conflict(client: Client) -> None:
    client.create(SECRETS, secret("one"))
    with pytest.raises(Conflict) as refused:
        client.create(SECRETS, secret("one"))
    assert refused.value.reason == "AlreadyExists"


def test_a_patch_of_an_older_version_is_a_conflict(client: Client) -> None:
    made = client.create(SECRETS, secret("one"))
    version = {"resourceVersion": made["metadata"]["resourceVersion"]}
    client.patch(SECRETS, "one", {"metadata": version, "data": {"a": "1"}})
    with pytest.raises(Conflict):
        client.patch(SECRETS, "one", {"metadata": version, "data": {"a": "2"}})
    found = client.get(SECRETS, "one")
    assert found is not None
    assert found["data"] == {"a": "1"}


def test_a_patch_of_nothing_says_so(client: Client) -> None:
    with pytest.raises(Missing):
        client.patch(SECRETS, "one", {"data": {}})


def test_only_the_object_that_was_meant_is_deleted(client: Client) -> None:
    made = client.create(SECRETS, secret("one"))
    client.delete(SECRETS, "one", "another uid")
    assert client.get(SECRETS, "one") is not None
    client.delete(SECRETS, "one", made["metadata"]["uid"])
    client.delete(SECRETS, "one", made["metadata"]["uid"])
    assert client.get(SECRETS, "one") is None


def test_what_another_manager_made_is_not_applied_over(fake: FakeKubernetes, client: Client) -> None:
    with fake.change() as objects:
        objects.create("secrets", secret("one"), manager="kubectl")
    with pytest.raises(Conflict):
        client.apply(SECRETS, secret("one", app="couch"))


def test_what_is_busy_is_asked_again(fake: FakeKubernetes, client: Client) -> None:
    fake.refuse("list", "pods", BUSY, times=TRIES - 1)
    assert client.find(PODS).items == ()


def test_what_stays_busy_is_temporary(fake: FakeKubernetes, client: Client) -> None:
    fake.refuse("list", "pods", BUSY, times=TRIES)
    with pytest.raises(TemporaryError) as busy:
        client.find(PODS)
    assert "list pods in namespace default" in busy.value.message
    assert "etcd is away" in busy.value.message
    assert client.find(PODS).items == ()


def test_a_server_that_asks_for_patience_gets_it_from_the_engine(fake: FakeKubernetes, client: Client) -> None:
    fake.refuse("list", "pods", Refused(429, "TooManyRequests", "slow down", Retry_After="7"), times=1)
    with pytest.raises(TemporaryError) as throttled:
        client.find(PODS)
    assert throttled.value.retry_in == 7


def test_a_right_that_is_missing_is_named_and_may_come_yet(fake: FakeKubernetes, client: Client) -> None:
    fake.forbid("delete", "services")
    with pytest.raises(TemporaryError) as refused:
        client.delete(SERVICES, "one", "uid")
    assert refused.value.code == "forbidden"
    assert "delete services/one in namespace default" in refused.value.message
    assert "rules.yaml" in refused.value.action


def test_a_quota_that_is_used_up_may_be_raised(fake: FakeKubernetes, client: Client) -> None:
    said = 'services "one" is forbidden: exceeded quota: few, requested: services=1'
    fake.refuse("create", "services", Refused(403, "Forbidden", said))
    with pytest.raises(TemporaryError) as refused:
        client.create(SERVICES, secret("one"))
    assert refused.value.code == "quota_exceeded"


def test_a_namespace_that_is_not_there_is_for_a_person_to_make(fake: FakeKubernetes, client: Client) -> None:
    fake.refuse("create", "secrets", Refused(404, "NotFound", 'namespaces "default" not found'))
    with pytest.raises(PermanentError) as refused:
        client.create(SECRETS, secret("one"))
    assert refused.value.code == "no_namespace"


def test_an_object_that_is_invalid_is_no_use_to_try_again(fake: FakeKubernetes, client: Client) -> None:
    fake.refuse("create", "secrets", Refused(422, "Invalid", "metadata.name: too long"))
    with pytest.raises(PermanentError, match="too long"):
        client.create(SECRETS, secret("one"))


def test_a_server_that_does_not_answer_is_waited_for_briefly(fake: FakeKubernetes) -> None:
    fake.hang("list", "pods")
    client = impatient(fake.url)
    with pytest.raises(TemporaryError) as away:
        client.find(PODS)
    assert away.value.code == "kubernetes_away"
    assert away.value.__cause__ is not None
    client.close()


def test_a_server_that_is_not_there_is_temporary() -> None:
    client = impatient(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(TemporaryError) as away:
        client.find(PODS)
    assert away.value.code == "kubernetes_away"
    assert "list pods" in away.value.message
    client.close()


def test_each_answer_is_told_to_whoever_counts(fake: FakeKubernetes) -> None:
    told: list[tuple[str, int]] = []
    api = connect(url=fake.url, kubeconfig=None, is_in_cluster=False, connections=1)
    client = Client(Caller(api, on_call=lambda verb, status, _seconds: told.append((verb, status))), "default")
    client.create(SECRETS, secret("one"))
    client.get(SECRETS, "two")
    client.close()
    assert told == [("create", 201), ("get", 404)]
