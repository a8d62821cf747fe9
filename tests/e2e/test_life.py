"""The scripted life of a cluster, with clients that never stop writing and reading while it grows and shrinks."""

from tests.e2e.service import Service
from tests.e2e.writers import Readers, Writers, assert_everywhere, numbered, put_all

TAG = "life"


def test_the_life_of_a_cluster_under_writes(service: Service) -> None:
    user = service.user("liv")
    made = user.result("create", cluster_tag=TAG, replicas=4)
    endpoint = user.couch(made["Endpoint"])
    documents = numbered(60)
    put_all(endpoint, "test", documents)
    kept = {document["_id"] for document in documents}
    assert_everywhere(user, TAG, kept)

    with (
        Writers(user, made["Endpoint"], prefix="up") as up,
        Readers(user, made["Endpoint"], sorted(kept)) as readers,
        Readers(user, made["Endpoint"], sorted(kept), keeps=10) as keepers,
    ):
        up.wait_for(20)
        grown = user.result("scale", cluster_tag=TAG, replicas=8)
        up.wait_for(20)
    assert (grown["Replicas"], grown["Status"], grown["Password"]) == (8, "ready", user.token)
    assert {one["State"] for one in grown["Instances"]} == {"serving"}
    assert grown["Endpoint"] == made["Endpoint"]
    for kind in (readers, keepers):
        assert kind.odd == [], "a read missed what all old instances had"
        assert kind.cut == 0
        assert kind.found > 20
    assert (up.odd, up.cut, up.nobody) == ([], 0, 0), "growing disturbs nobody"
    kept |= up.acknowledged
    assert_everywhere(user, TAG, kept)

    revision = endpoint.get("/test/doc0").json()["_rev"]
    assert endpoint.put("/test/doc0", json={"_rev": revision, "number": "new"}).status_code == 201
    with Writers(user, made["Endpoint"], prefix="down") as down:
        down.wait_for(20)
        shrunk = user.result("scale", cluster_tag=TAG, replicas=2)
        down.wait_for(20)
    assert (shrunk["Replicas"], shrunk["Status"]) == (2, "ready"), shrunk["Reasons"]
    assert len(shrunk["Instances"]) == 2
    assert (down.odd, down.nobody) == ([], 0), "nobody meets a fence, and somebody always serves"
    kept |= down.acknowledged
    assert_everywhere(user, TAG, kept)
    for instance in user.detail(TAG)["Instances"]:
        assert user.couch(instance["Url"]).get("/test/doc0").json()["number"] == "new"

    replicating = user.result("replicate", cluster_tag=TAG, databases="orders,users/eu")
    assert replicating["Databases"] == ["_users", "orders", "test", "users/eu"]
    for database in ("orders", "users%2Feu"):
        with Writers(user, made["Endpoint"], database=database, prefix="more", threads=2) as more:
            more.wait_for(10)
        assert more.odd == []
        assert_everywhere(user, TAG, more.acknowledged, database=database)

    assert user.result("delete", cluster_tag=TAG) is None
    assert user.post("detail", cluster_tag=TAG).status_code == 404


def test_all_databases_are_replicated_also_those_made_later(service: Service) -> None:
    user = service.user("alma")
    made = user.result("create", cluster_tag="star", replicas=2)
    first = made["Instances"][0]["Url"]
    one = user.couch(first)
    assert one.put("/before").status_code == 201
    assert set(user.result("replicate", cluster_tag="star", databases="*")["Databases"]) == {
        "_users",
        "before",
        "test",
    }
    assert one.put("/after").status_code == 201
    for database in ("before", "after"):
        put_all(one, database, numbered(5))
        assert_everywhere(user, "star", {f"doc{n}" for n in range(5)}, database=database)
    grown = user.result("scale", cluster_tag="star", replicas=3)
    assert set(grown["Databases"]) == {"_users", "after", "before", "test"}
    assert_everywhere(user, "star", {"doc0"}, database="after")
    user.result("delete", cluster_tag="star")
