"""What a killed server keeps. Only on servers that the suite starts itself."""

import signal
import threading
from collections.abc import Iterator

import httpx
import pytest

from tests.contract.couch.couch import Couch
from tests.contract.couch.standin import StandIn
from tests.contract.couch.waiting import wait_for

ENOUGH = 200


@pytest.fixture
def own(standin: StandIn) -> Iterator[Couch]:
    couch = Couch.at(standin.url)
    with couch.client:
        yield couch


def test_what_was_acknowledged_survives_a_kill_under_writes(own: Couch, standin: StandIn) -> None:
    own.client.put("/kept")
    acknowledged: list[str] = []

    def write(name: str) -> None:
        with own.as_user(own.admin, own.password) as client:
            for number in range(100_000):
                doc_id = f"{name}{number}"
                try:
                    if client.put(f"/kept/{doc_id}", json={"n": number}).status_code != 201:
                        return
                except httpx.TransportError:
                    return
                acknowledged.append(doc_id)

    writers = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for writer in writers:
        writer.start()
    wait_for(lambda: len(acknowledged) >= ENOUGH, f"{ENOUGH} acknowledged writes")
    standin.end(signal.SIGKILL)
    for writer in writers:
        writer.join(30)
    standin.start()
    stored = {row["id"] for row in own.client.get("/kept/_all_docs").json()["rows"]}
    assert set(acknowledged) <= stored


def test_security_start_time_and_sequences_survive_a_kill(own: Couch, standin: StandIn) -> None:
    own.client.put("/kept")
    own.client.put("/kept/_security", json={"members": {"names": ["x"]}})
    own.client.put("/kept/doc", json={})
    before = own.client.get("/kept").json()
    standin.end(signal.SIGKILL)
    standin.start()
    assert own.client.get("/kept").json() == before
    assert own.client.get("/kept/_security").json() == {"members": {"names": ["x"]}}
    since = {"since": before["update_seq"]}
    assert own.client.get("/kept/_changes", params=since).json()["results"] == []


def test_a_deleted_database_stays_deleted(own: Couch, standin: StandIn) -> None:
    own.client.put("/gone")
    own.client.delete("/gone")
    standin.end(signal.SIGKILL)
    standin.start()
    assert own.client.get("/gone").status_code == 404


def test_a_replication_goes_on_where_it_was_after_a_kill(own: Couch, standin: StandIn) -> None:
    own.client.put("/from")
    own.client.put("/to")
    own.client.post("/from/_bulk_docs", json={"docs": [{"_id": f"d{n}"} for n in range(30)]})
    doc = {"source": own.endpoint("from"), "target": own.endpoint("to"), "continuous": True, "checkpoint_interval": 200}
    own.client.put("/_replicator/link", json=doc)
    head = own.client.get("/from").json()["update_seq"]

    def checkpoint() -> object:
        return (own.state("link").get("info") or {}).get("checkpointed_source_seq")

    wait_for(lambda: checkpoint() == head, "the checkpoint to be at the head")
    standin.end(signal.SIGKILL)
    standin.start()
    own.client.put("/from/new", json={})
    wait_for(lambda: own.client.get("/to/new").status_code == 200, "the new document to arrive")
    assert own.state("link")["info"]["revisions_checked"] == 1


def test_a_terminated_server_ends_by_itself(own: Couch, standin: StandIn) -> None:
    own.client.put("/busy")
    with own.client.stream("GET", "/busy/_changes", params={"feed": "continuous", "heartbeat": "true"}):
        assert standin.end() == 0
