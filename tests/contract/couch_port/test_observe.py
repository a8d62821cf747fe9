"""What a look tells, in memory and over HTTP alike."""

from dataclasses import replace

import pytest

from worker.core.observed import Down, InstancePhase, Node, Unknown
from worker.core.ring import Wanted
from worker.ports import Credentials

from .rings import Ring, nodes


def test_every_instance_tells_its_uuid_and_its_databases(ring: Ring) -> None:
    ring.couch.create_databases(ring.instances[0], ["one"], ring.credentials)
    seen = nodes(ring)
    assert set(seen) == {"cdb-0", "cdb-1", "cdb-2"}
    assert len({node.uuid for node in seen.values()}) == 3
    assert seen["cdb-0"].databases == ("_replicator", "_users", "one")
    assert seen["cdb-1"].databases == ("_replicator", "_users")


def test_a_fresh_instance_has_no_replications_no_fills_and_no_fence(ring: Ring) -> None:
    node = nodes(ring)["cdb-0"]
    assert (node.replications, node.fills, node.fence) == ((), (), None)


def test_the_uuid_is_that_of_the_data(ring: Ring) -> None:
    before = nodes(ring)
    ring.replace("cdb-1")
    ring.restart("cdb-2")
    after = nodes(ring)
    assert after["cdb-1"].uuid != before["cdb-1"].uuid
    assert after["cdb-2"].uuid == before["cdb-2"].uuid


def test_a_stopped_instance_is_down_while_the_others_are_read(ring: Ring) -> None:
    ring.stop("cdb-1")
    seen = ring.couch.observe(ring.instances, ring.credentials)
    assert isinstance(seen["cdb-1"], Down)
    assert "refused" in seen["cdb-1"].why
    assert isinstance(seen["cdb-0"], Node)
    assert isinstance(seen["cdb-2"], Node)


@pytest.mark.parametrize("phase", ["down", "starting"])
def test_an_instance_that_does_not_run_is_not_asked(ring: Ring, phase: InstancePhase) -> None:
    instances = [replace(ring.instances[0], phase=phase, reason="ImagePullBackOff"), *ring.instances[1:]]
    assert ring.couch.observe(instances, ring.credentials)["cdb-0"] == Down("ImagePullBackOff")


def test_a_refused_login_is_unknown_and_not_down(ring: Ring) -> None:
    seen = ring.couch.observe(ring.instances, Credentials(ring.credentials.name, "another-password"))
    for node in seen.values():
        assert isinstance(node, Unknown)
        assert "login" in node.why
        assert "another-password" not in node.why


def test_security_is_read_where_it_is_asked_for(ring: Ring) -> None:
    instance = ring.instances[0]
    ring.couch.create_databases(instance, ["one", "two"], ring.credentials)
    ring.couch.put_security(instance, {"one": '{"members":{"names":["ann"]},"admins":{}}'}, ring.credentials)
    node = ring.couch.observe(ring.instances, ring.credentials, ["one", "missing"])["cdb-0"]
    assert isinstance(node, Node)
    assert node.security == {"one": '{"admins":{},"members":{"names":["ann"]}}'}


def test_a_document_is_initializing_until_the_scheduler_knows_it_then_running(ring: Ring) -> None:
    for instance in ring.instances:
        ring.couch.create_databases(instance, ["one"], ring.credentials)
    ring.couch.put_replications(ring.instances[0], [Wanted("cdb-0", "cdb-1", "one")], ring.instances, ring.credentials)
    (first,) = nodes(ring)["cdb-0"].replications
    assert first.state in ("initializing", "running")
    ring.until(lambda: nodes(ring)["cdb-0"].replications[0].state == "running", "the replication runs")


def test_progress_moves_when_a_change_passes(ring: Ring) -> None:
    for instance in ring.instances[:2]:
        ring.couch.create_databases(instance, ["one"], ring.credentials)
    ring.couch.put_replications(ring.instances[0], [Wanted("cdb-0", "cdb-1", "one")], ring.instances, ring.credentials)
    assert ring.write("cdb-0", "one", "a")
    ring.until(lambda: ring.ids("cdb-1", "one") == {"a"}, "the document arrives")
    ring.until(lambda: nodes(ring)["cdb-0"].replications[0].progress, "the replication counts")
    mark = nodes(ring)["cdb-0"].replications[0].progress
    assert ring.write("cdb-0", "one", "b")
    ring.until(lambda: nodes(ring)["cdb-0"].replications[0].progress != mark, "the mark moves")
    ring.until(lambda: ring.ids("cdb-1", "one") == {"a", "b"}, "the next one arrives too")
