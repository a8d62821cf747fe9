"""Several users, and several clusters at once."""

import time
from concurrent.futures import ThreadPoolExecutor

from common.cluster import Spawner
from common.names import cluster_name
from tests.e2e.writers import assert_everywhere, names_in, numbered, put_all
from tests.kubernetes.admin import Admin
from tests.kubernetes.couch import endpoint_of
from tests.kubernetes.figures import tell
from tests.kubernetes.service import SPAWNERS, Service
from worker.platforms.kubernetes.resources import NETWORK_POLICIES

SIX = 6


def test_two_users_may_use_one_tag(service: Service, admin: Admin) -> None:
    one, other = service.user("uma", "statefulset"), service.user("Uma@home", "statefulset")
    theirs = {user.name: user.result("create", cluster_tag="same", replicas=2) for user in (one, other)}
    assert theirs["uma"]["Endpoint"] != theirs["Uma@home"]["Endpoint"]
    put_all(endpoint_of(one, theirs["uma"]), "test", numbered(3, prefix="uma"))
    put_all(endpoint_of(other, theirs["Uma@home"]), "test", numbered(3, prefix="home"))
    assert_everywhere(one, "same", {f"uma{n}" for n in range(3)})
    assert endpoint_of(other, theirs["uma"]).get("/test").status_code == 401
    one.result("delete", cluster_tag="same")
    admin.wait_until_nothing_is_left(service.namespace, "uma", "same")
    assert len(other.ready("same")["Instances"]) == 2
    assert names_in(endpoint_of(other, theirs["Uma@home"]), "test") == {f"home{n}" for n in range(3)}
    other.result("delete", cluster_tag="same")
    admin.wait_until_nothing_is_left(service.namespace, "Uma@home", "same")


def test_six_clusters_of_three_at_once(service: Service, admin: Admin) -> None:
    def live(number: int) -> None:
        spawner: Spawner = SPAWNERS[number % len(SPAWNERS)]
        user = service.user(f"six-{number}", spawner)
        made = user.ended(user.begin("create", cluster_tag="many", replicas=3), seconds=240)
        assert made["status"] == "succeeded", made
        put_all(endpoint_of(user, made["result"]), "test", numbered(5))
        assert_everywhere(user, "many", {f"doc{n}" for n in range(5)})

    began = time.monotonic()
    with ThreadPoolExecutor(SIX) as executor:
        list(executor.map(live, range(SIX)))
    tell(f"{time.monotonic() - began:6.1f} s  six clusters of three at once, to a write on every instance")
    began = time.monotonic()
    with ThreadPoolExecutor(SIX) as executor:
        ended = executor.map(lambda n: service.user(f"six-{n}").result("delete", cluster_tag="many"), range(SIX))
        assert list(ended) == [None] * SIX
    tell(f"{time.monotonic() - began:6.1f} s  six clusters of three deleted at once")
    for number in range(SIX):
        admin.wait_until_nothing_is_left(service.namespace, f"six-{number}", "many")


def test_each_cluster_has_a_network_policy_of_its_own(service: Service, admin: Admin) -> None:
    """The lab's network does not enforce policies, so only the object can be looked at here."""
    user = service.user("nell", "statefulset")
    user.result("create", cluster_tag="netpol", replicas=1)
    (pod,) = admin.pods(service.namespace, cluster_name(user.name, "netpol"))
    policy = admin.there(NETWORK_POLICIES, service.namespace, cluster_name(user.name, "netpol"))
    chosen = policy["spec"]["podSelector"]["matchLabels"]
    assert chosen.items() <= pod["metadata"]["labels"].items(), "it is about these pods"
    assert policy["spec"]["policyTypes"] == ["Ingress"]
    (rule,) = policy["spec"]["ingress"]
    assert [one["port"] for one in rule["ports"]] == [5984], "nothing else is let in"
    user.result("delete", cluster_tag="netpol")
