"""A wire that is cut for longer than KANTO_BRIDGE_AFTER: the others go on around it, and the bridge goes by itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.inside import seconds_until
from tests.e2e.service import NEEDS_COUCHDB, Service, User
from tests.e2e.writers import names_in, numbered, put_all
from tests.faults.wires import Cut, Wires, free_ports

TAG = "bridge"
SETTINGS = {
    "KANTO_BRIDGE_AFTER": "4",
    "KANTO_UPKEEP_INTERVAL": "2",
    "KANTO_GRACE": "1",
    "KANTO_DEFAULT_DATABASES": "test",
}

pytestmark = NEEDS_COUCHDB


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Wires, User]]:
    ports = free_ports()
    folder: Path = tmp_path_factory.mktemp("bridge")
    service = Service(folder / "home", ports, SETTINGS, command=["tests.faults.run"])
    with Wires(ports) as wires:
        try:
            service.start()
            user = service.user("brie")
            user.result("create", cluster_tag=TAG, replicas=4)
            yield wires, user
        finally:
            service.end()


def links(user: User) -> set[tuple[str, str]]:
    """By the last characters of their ends: `0` to `1`, as detail tells them."""
    return {(link["Source"][-1], link["Target"][-1]) for link in user.detail(TAG)["Links"]}


RING = {("0", "1"), ("1", "2"), ("2", "3"), ("3", "0")}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("is_silent", [True, False])
def test_an_instance_that_is_cut_off_is_bridged_and_the_bridge_goes_when_it_is_back(
    wired: tuple[Wires, User], is_silent: bool
) -> None:
    wires, user = wired
    detail = user.ready(TAG)
    assert links(user) == RING
    couches = [user.couch(one["Url"]) for one in detail["Instances"]]
    prefix = f"{'silent' if is_silent else 'reset'}-"
    with wires.cut(port_of(detail, 1), Cut(is_silent=is_silent, is_whole=True)):
        seconds_until("the bridge", lambda: ("0", "2") in links(user))
        found = user.detail(TAG)
        assert found["Status"] == "degraded"
        assert detail["Instances"][1]["Name"] in {reason.get("instance") for reason in found["Reasons"]}
        put_all(couches[0], "test", numbered(20, prefix=f"{prefix}around"))
        around = {f"{prefix}around{n}" for n in range(20)}
        for couch in couches[2:]:
            seconds_until("what is written, over the bridge", lambda couch=couch: around <= names_in(couch, "test"))  # type: ignore[misc]
        put_all(couches[1], "test", numbered(20, prefix=f"{prefix}alone"))
    alone = {f"{prefix}alone{n}" for n in range(20)}
    seconds_until(
        "all writes of both sides on every instance",
        lambda: all(around | alone <= names_in(couch, "test") for couch in couches),
    )
    seconds_until("the ring of all without a bridge", lambda: links(user) == RING)
    user.ready(TAG)


def port_of(detail: dict[str, Any], ordinal: int) -> int:
    return int(detail["Instances"][ordinal]["Url"].rpartition(":")[2])


@pytest.mark.timeout(600)
def test_a_link_that_is_cut_one_way_is_told_and_runs_again_once_it_is_mended(wired: tuple[Wires, User]) -> None:
    """The instance answers kanto and its users, so it stays in the ring; only what others send to it does not come."""
    wires, user = wired
    detail = user.ready(TAG)
    couches = [user.couch(one["Url"]) for one in detail["Instances"]]
    ends = [detail["Instances"][n]["Name"] for n in (0, 1)]
    with wires.cut(port_of(detail, 1), Cut(is_silent=False, is_whole=False)):
        put_all(couches[0], "test", numbered(30, prefix="oneway"))
        seconds_until("the link to be told", lambda: told_of_link(user, *ends))
        found = user.detail(TAG)
        assert found["Status"] == "degraded"
        assert {one["State"] for one in found["Instances"]} == {"serving"}
        assert links(user) == RING
        assert not any(name.startswith("oneway") for name in names_in(couches[1], "test"))
        assert user.result("list")[0]["Lag"] != 0, "what waits is told, or that it is not known"
    wanted = {f"oneway{n}" for n in range(30)}
    seconds_until("what waited, behind the link", lambda: wanted <= names_in(couches[1], "test"))
    user.ready(TAG)


def told_of_link(user: User, source: str, target: str) -> list[str]:
    found = [reason["text"] for reason in user.detail(TAG)["Reasons"]]
    return [text for text in found if f"from {source} to {target}" in text]
