"""Databases off the saved list, and gone: over the whole engine, with instances that are away and a lost store."""

from dataclasses import replace

from api import specs
from api.fields import Databases
from common.cluster import ClusterSpec
from common.jobs import JobStatus
from tests.simulation.engine import Kanto
from tests.simulation.test_cancel import is_whole, submitted
from tests.simulation.test_engine import KEY, SPEC, made
from tests.twins.couch.world import Server
from tests.twins.store.store import MemoryStore


def spec_of(kanto: Kanto) -> ClusterSpec:
    found = kanto.store.cluster(KEY)
    assert found is not None
    return found.spec


def unreplicate(kanto: Kanto, *names: str, drop_id: str | None = None, everything: bool = False) -> str:
    return submitted(kanto, specs.unreplication(spec_of(kanto), Databases(names, everything), drop_id=drop_id))


def with_orders(*, everything: bool = False) -> Kanto:
    """Three that replicate `orders`, with a document everywhere."""
    kanto = made(3)
    job = submitted(kanto, specs.replication(spec_of(kanto), Databases(("orders",), everything)))
    assert kanto.finish(job).status is JobStatus.SUCCEEDED
    assert kanto.server(KEY, 0).write("orders", "o1")
    kanto.until("it to be everywhere", lambda: all(s.databases["orders"].revisions for s in servers(kanto)))
    return kanto


def servers(kanto: Kanto) -> list[Server]:
    return list(kanto.world.servers.values())


def linked(kanto: Kanto) -> list[str]:
    return [doc_id for server in servers(kanto) for doc_id in server.documents if ":orders:" in doc_id]


def upkeep(kanto: Kanto) -> None:
    """Long enough for each cluster to be looked at again."""
    for _ in range(1500):
        kanto.tick()


def test_the_links_go_and_the_databases_stay() -> None:
    kanto = with_orders()
    assert kanto.finish(unreplicate(kanto, "orders")).status is JobStatus.SUCCEEDED
    assert linked(kanto) == []
    assert all(server.databases["orders"].revisions for server in servers(kanto))
    server = kanto.server(KEY, 1)
    del server.databases["orders"]
    upkeep(kanto)
    assert "orders" not in server.databases, "nobody asked for it to be made again"


def test_what_is_dropped_is_gone_everywhere_and_what_is_made_later_stays() -> None:
    kanto = with_orders()
    assert kanto.finish(unreplicate(kanto, "orders", drop_id="d1")).status is JobStatus.SUCCEEDED
    assert not any("orders" in server.databases for server in servers(kanto))
    kanto.server(KEY, 1).create("orders")
    assert kanto.server(KEY, 1).write("orders", "new")
    upkeep(kanto)
    found = kanto.platform.records()
    kanto.store = MemoryStore(kanto.clock)
    kanto.store.rebuild(found)  # type: ignore[arg-type]
    kanto.workers = [replace(engine, store=kanto.store) for engine in kanto.workers]
    upkeep(kanto)
    job = submitted(kanto, specs.scaling(spec_of(kanto), replicas=2, force=False))
    assert kanto.finish(job).status is JobStatus.SUCCEEDED
    assert any(server.databases["orders"].revisions for server in servers(kanto) if "orders" in server.databases)
    assert kanto.finish(unreplicate(kanto, "orders", drop_id="d2")).status is JobStatus.SUCCEEDED
    assert not any("orders" in server.databases for server in servers(kanto))


def test_everything_may_be_on_the_list_while_one_is_dropped() -> None:
    kanto = with_orders(everything=True)
    assert kanto.finish(unreplicate(kanto, "orders", drop_id="d1")).status is JobStatus.SUCCEEDED
    upkeep(kanto)
    assert not any("orders" in server.databases for server in servers(kanto))
    kanto.server(KEY, 1).create("orders")
    kanto.until("all to have it", lambda: all("orders" in server.databases for server in servers(kanto)))


def test_a_drop_waits_for_an_instance_that_is_away() -> None:
    kanto = with_orders()
    away = kanto.server(KEY, 2)
    away.fault = "down"
    job = unreplicate(kanto, "orders", drop_id="d1")
    upkeep(kanto)
    assert not kanto.job(job).status.is_ended
    assert "may still have orders" in str(kanto.job(job).reasons)
    away.fault = "none"
    assert kanto.finish(job).status is JobStatus.SUCCEEDED
    assert "orders" not in away.databases


def test_a_drop_that_fails_leaves_alone_what_it_has_not_reached() -> None:
    kanto = with_orders()
    away = kanto.server(KEY, 2)
    away.fault = "down"
    job = kanto.finish(unreplicate(kanto, "orders", drop_id="d1"), seconds=700.0)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert "ask again when all instances answer" in job.error.detail
    away.fault = "none"
    kanto.until("ready", lambda: is_whole(kanto, 3))
    kanto.server(KEY, 0).create("orders")
    upkeep(kanto)
    assert away.databases["orders"].revisions
    assert "orders" in kanto.server(KEY, 0).databases
    assert linked(kanto) == []


def test_everything_off_the_list_leaves_the_names_on_it() -> None:
    kanto = with_orders(everything=True)
    kanto.server(KEY, 0).create("later")
    kanto.until("it to be replicated", lambda: any(":later:" in d for s in servers(kanto) for d in s.documents))
    assert kanto.finish(unreplicate(kanto, everything=True)).status is JobStatus.SUCCEEDED
    assert not any(":later:" in doc_id for server in servers(kanto) for doc_id in server.documents)
    assert len(linked(kanto)) == 3
    assert spec_of(kanto).databases == tuple(sorted({*SPEC.databases, "orders"}))
