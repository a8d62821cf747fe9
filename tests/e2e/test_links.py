"""What detail tells of links: how far each is behind, what was refused or is in conflict; and the saved list."""

from typing import Any

from tests.e2e.inside import Inside
from tests.e2e.service import Service, User, wait_until
from tests.e2e.writers import assert_everywhere, numbered, put_all

REFUSING = """function (doc, old, user) {
  if (doc.bad && user.name !== "lena") { throw({forbidden: "only lena writes these, and no replicator"}) }
}"""


def replications(detail: dict[str, Any], database: str = "test") -> list[dict[str, Any]]:
    found = [each for link in detail["Links"] for each in link["Replications"] if each["Database"] == database]
    assert found
    return found


def listed(user: User, tag: str) -> dict[str, Any]:
    (found,) = (one for one in user.result("list") if one["Tag"] == tag)
    assert isinstance(found, dict)
    return found


def test_each_database_of_each_link_has_its_lag_and_the_list_the_worst(service: Service) -> None:
    user = service.user("lena")
    made = user.result("create", cluster_tag="behind", replicas=3)
    put_all(user.couch(made["Endpoint"]), "test", numbered(50))
    assert_everywhere(user, "behind", {f"doc{n}" for n in range(50)})
    detail = user.ready("behind")
    assert {(link["Source"][-2:], link["Target"][-2:]) for link in detail["Links"]} == {
        ("-0", "-1"),
        ("-1", "-2"),
        ("-2", "-0"),
    }
    wait_until("nothing to wait", lambda: {each["Pending"] for each in replications(user.detail("behind"))} == {0})
    for database in ("_users", "test"):
        assert {(r["State"], r["Refused"]) for r in replications(detail, database)} == {("running", 0)}
    wait_until("no lag in the list", lambda: listed(user, "behind")["Lag"] == 0)
    inside = Inside(service)
    with inside.held_still(inside.pid(detail["Instances"][1]["Name"])):
        unknown = wait_until("a look that tells it", lambda: of_one_that_hangs(user.detail("behind")))
        assert {each["Pending"] for each in unknown} == {None}
        assert listed(user, "behind")["Lag"] is None, "a part that is not known is no 0"
    user.ready("behind")
    user.result("delete", cluster_tag="behind")


def of_one_that_hangs(detail: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The replications out of the second instance, once its state is unknown."""
    if detail["Instances"][1]["State"] not in ("unknown", "down"):
        return None
    (link,) = (link for link in detail["Links"] if link["Source"] == detail["Instances"][1]["Name"])
    found: list[dict[str, Any]] = link["Replications"]
    return found


def test_documents_that_an_instance_refuses_are_told_with_their_database(service: Service) -> None:
    user = service.user("lena")
    made = user.result("create", cluster_tag="refuse", replicas=2)
    user.result("replicate", cluster_tag="refuse", databases="orders")
    first, second = (user.couch(one["Url"]) for one in made["Instances"])
    assert first.put("/orders/_design/v", json={"validate_doc_update": REFUSING}).status_code == 201
    wait_until("the rule to be everywhere", lambda: second.get("/orders/_design/v").status_code == 200)
    put_all(first, "orders", [{"_id": "bad", "bad": True}, {"_id": "good"}])
    wait_until("what is not refused", lambda: second.get("/orders/good").status_code == 200)
    assert second.get("/orders/bad").status_code == 404

    def told() -> dict[str, Any] | None:
        found = user.detail("refuse")
        return found if "documents_refused" in {reason["code"] for reason in found["Reasons"]} else None

    detail = wait_until("the refusal", told)
    assert detail["Status"] == "degraded"
    (reason,) = (reason for reason in detail["Reasons"] if reason["code"] == "documents_refused")
    assert "orders" in reason["text"]
    assert reason["instance"] == made["Instances"][1]["Name"]
    assert sorted(each["Refused"] for each in replications(detail, "orders")) == [0, 1]
    assert listed(user, "refuse")["Status"] == "degraded"
    user.result("delete", cluster_tag="refuse")


def test_conflicts_are_counted_on_request(service: Service) -> None:
    user = service.user("lena")
    made = user.result("create", cluster_tag="conflict", replicas=2)
    leaves = [{"_id": "both", "_rev": f"1-{letter * 32}", "by": letter} for letter in "ab"]
    couch = user.couch(made["Instances"][1]["Url"])
    assert couch.post("/test/_bulk_docs", json={"docs": leaves, "new_edits": False}).status_code == 201
    put_all(couch, "test", numbered(10))
    assert_everywhere(user, "conflict", {"both", "doc9"})
    assert "Conflicts" not in user.detail("conflict")
    found = user.result("detail", cluster_tag="conflict", conflicts=1)["Conflicts"]
    assert found["Instance"] in {one["Name"] for one in made["Instances"]}
    assert {each["Database"]: (each["Documents"], each["Complete"]) for each in found["Databases"]} == {
        "_users": (0, True),
        "test": (1, True),
    }
    user.result("delete", cluster_tag="conflict")


def test_a_database_goes_off_the_saved_list_and_away(service: Service) -> None:
    user = service.user("lena")
    made = user.result("create", cluster_tag="drop", replicas=3)
    user.result("replicate", cluster_tag="drop", databases="orders,kept")
    couches = [user.couch(one["Url"]) for one in made["Instances"]]
    for database in ("orders", "kept"):
        put_all(couches[0], database, numbered(5))
        assert_everywhere(user, "drop", {"doc4"}, database=database)
    off = user.result("unreplicate", cluster_tag="drop", databases="kept")
    assert off["Databases"] == ["_users", "orders", "test"]
    off = user.result("unreplicate", cluster_tag="drop", databases="orders", drop=1)
    assert (off["Databases"], off["Status"]) == (["_users", "test"], "ready")
    for couch in couches:
        assert couch.get("/orders").status_code == 404
        assert couch.get("/kept/doc4").status_code == 200
    assert couches[1].put("/orders").status_code == 201
    put_all(couches[1], "orders", numbered(1, prefix="later"))
    user.result("scale", cluster_tag="drop", replicas=2)
    holders = [couch for couch in couches[:2] if couch.get("/orders/later0").status_code == 200]
    assert holders, "what was made later is nobody's to drop"
    user.result("delete", cluster_tag="drop")


def test_a_database_that_a_silent_instance_alone_has_is_made_as_it_has_it(service: Service) -> None:
    user = service.user("lena")
    made = user.result("create", cluster_tag="parted", replicas=2)
    holder, other = (user.couch(one["Url"]) for one in made["Instances"])
    assert holder.put("/parts", params={"partitioned": "true"}).status_code == 201
    inside = Inside(service)
    with inside.held_still(inside.pid(made["Instances"][0]["Name"])):
        job = user.begin("replicate", cluster_tag="parted", databases="parts")
        wait_until("the reason", lambda: "database_unknown" in str(user.job(job)["reasons"]))
        assert other.get("/parts").status_code == 404
    assert user.ended(job)["status"] == "succeeded"
    assert other.get("/parts").json()["props"] == {"partitioned": True}
    user.result("delete", cluster_tag="parted")
