"""The scripted life of a cluster through its Service, under writes, with each spawner and no right but the chart's."""

from typing import Any

import pytest

from common.cluster import Spawner
from tests.e2e.service import User
from tests.e2e.writers import Readers, Writers, assert_everywhere, numbered, put_all
from tests.kubernetes.admin import Admin
from tests.kubernetes.couch import endpoint_of
from tests.kubernetes.figures import timed
from tests.kubernetes.service import SPAWNERS, Service

TAG = "life"

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("spawner", SPAWNERS)
def test_the_life_of_a_cluster(service: Service, admin: Admin, spawner: Spawner) -> None:
    user = service.user(f"liv-{spawner}", spawner)
    made = timed(f"create 4 with {spawner}", lambda: user.result("create", cluster_tag=TAG, replicas=4))
    assert (made["Status"], made["Spawner"], made["Namespace"]) == ("ready", spawner, service.namespace)
    endpoint = endpoint_of(user, made)
    put_all(endpoint, "test", numbered(60))
    kept = {f"doc{n}" for n in range(60)}
    assert_everywhere(user, TAG, kept)

    kept |= grow(user, made, kept)
    revision = endpoint.get("/test/doc0").json()["_rev"]
    assert endpoint.put("/test/doc0", json={"_rev": revision, "number": "new"}).status_code == 201
    kept |= shrink(user, made)
    for instance in user.detail(TAG)["Instances"]:
        assert user.couch(instance["Url"]).get("/test/doc0").json()["number"] == "new"
    assert_everywhere(user, TAG, kept)

    replicating = user.result("replicate", cluster_tag=TAG, databases="orders,users/eu")
    assert replicating["Databases"] == ["_users", "orders", "test", "users/eu"]
    for database in ("orders", "users%2Feu"):
        with Writers(user, made["Endpoint"], database=database, prefix="more", threads=2) as more:
            more.wait_for(10)
        assert more.odd == []
        assert_everywhere(user, TAG, more.acknowledged, database=database)

    assert admin.left(service.namespace, user.name, TAG), "what is looked for is found while it is there"
    assert user.result("delete", cluster_tag=TAG) is None
    assert user.post("detail", cluster_tag=TAG).status_code == 404
    admin.wait_until_nothing_is_left(service.namespace, user.name, TAG)


def grow(user: User, made: dict[str, Any], kept: set[str]) -> set[str]:
    """From 4 to 8; what was acknowledged meanwhile. Nobody is disturbed."""
    with Writers(user, made["Endpoint"], prefix="up") as up, Readers(user, made["Endpoint"], sorted(kept)) as readers:
        up.wait_for(20)
        grown = timed(
            f"scale 4 to 8 with {made['Spawner']}, under writes",
            lambda: user.result("scale", cluster_tag=TAG, replicas=8),
        )
        up.wait_for(20)
    assert (grown["Replicas"], grown["Status"], grown["Password"]) == (8, "ready", user.token)
    assert {one["State"] for one in grown["Instances"]} == {"serving"}
    assert grown["Endpoint"] == made["Endpoint"]
    assert readers.odd == [], "a read missed what all old instances had"
    assert readers.found > 20
    assert (up.odd, up.cut) == ([], 0), "growing disturbs nobody"
    assert_everywhere(user, TAG, kept | up.acknowledged)
    return up.acknowledged


def shrink(user: User, made: dict[str, Any]) -> set[str]:
    """From 8 to 2; what was acknowledged meanwhile.

    A connection that was there before is not cut when its instance is withdrawn, so one that its client keeps may see
    the fence, and is refused then: nothing that was refused counts as acknowledged.
    """
    with Writers(user, made["Endpoint"], prefix="down") as down:
        down.wait_for(20)
        shrunk = timed(
            f"scale 8 to 2 with {made['Spawner']}, under writes",
            lambda: user.result("scale", cluster_tag=TAG, replicas=2),
        )
        down.wait_for(20)
    assert (shrunk["Replicas"], shrunk["Status"]) == (2, "ready"), shrunk["Reasons"]
    assert len(shrunk["Instances"]) == 2
    assert [one for one in down.odd if not is_refusal_of_a_fence(one)] == []
    assert_everywhere(user, TAG, down.acknowledged)
    return down.acknowledged


def is_refusal_of_a_fence(odd: str) -> bool:
    return odd.partition(": ")[2].startswith(("401", "403"))
