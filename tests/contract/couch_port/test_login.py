"""The user's own login of an instance is changed while it runs."""

import httpx

from common.passwords import admin_line
from worker.couch.adapter import HttpCouch

from .rings import HttpRing, Ring, nodes
from .servers import Server

OLD, NEW = (
    admin_line(password, salt=salt, iterations=10) for password, salt in (("old-word", "aa"), ("new-word", "bb"))
)


def test_a_line_is_there_at_once_and_after_a_restart(ring: Ring) -> None:
    for line in (OLD, NEW, NEW):
        ring.couch.put_login(ring.instances[0], "ann", line, ring.credentials)
        seen = nodes(ring)["cdb-0"].admins
        assert seen is not None
        assert seen["ann"] == line
        assert ring.credentials.name not in seen
    ring.restart("cdb-0")
    ring.until(lambda: "cdb-0" in nodes(ring), "the instance to answer again")
    assert (nodes(ring)["cdb-0"].admins or {})["ann"] == NEW


def test_an_instance_that_is_fenced_keeps_its_fence(ring: Ring) -> None:
    instance = ring.instances[0]
    ring.couch.put_login(instance, "ann", OLD, ring.credentials)

    def fenced() -> bool:
        if "cdb-0" in nodes(ring):
            ring.couch.fence(instance, "c0ffee", ring.credentials)
        node = nodes(ring).get("cdb-0")
        return node is not None and node.fence is not None and node.fence.nonce == "c0ffee"

    ring.until(fenced, "the fence")
    ring.couch.put_login(instance, "ann", NEW, ring.credentials)
    assert fenced()
    ring.couch.unfence(instance, ring.credentials)
    assert (nodes(ring)["cdb-0"].admins or {})["ann"] == OLD
    ring.couch.put_login(instance, "ann", NEW, ring.credentials)
    assert (nodes(ring)["cdb-0"].admins or {})["ann"] == NEW


def is_login(server: Server, password: str) -> bool:
    answer = httpx.get(f"{server.address}/_session", auth=("ann", password))
    assert answer.status_code in (200, 401), answer.status_code
    return answer.status_code == 200


def test_the_new_password_is_good_at_once_and_the_old_one_is_not(servers: list[Server], http_couch: HttpCouch) -> None:
    """Also where the old one was used just before: its place in the memory of logins goes by the salt."""
    servers[0].renew()
    servers[0].wait()
    ring = HttpRing(servers[:1], http_couch)
    for line, good, bad in ((OLD, "old-word", "new-word"), (NEW, "new-word", "old-word")):
        ring.couch.put_login(ring.instances[0], "ann", line, ring.credentials)
        assert is_login(servers[0], good)
        assert not is_login(servers[0], bad)
    ring.couch.put_login(ring.instances[0], "ann", OLD, ring.credentials)
    assert is_login(servers[0], "old-word"), "a change that is taken back brings the old line back"
