"""The proof over real sequences, and the copying of `_replicator`: page by page, from any cursor (H11, H12, H15)."""

from collections.abc import Iterator, Mapping

import pytest

from worker.core.observed import Proof
from worker.couch import copying
from worker.couch import proof as proving
from worker.couch.client import Client
from worker.couch.holdings import read_holdings

from .rings import CREDENTIALS, instances_of
from .servers import Server, make_fresh

FAR = 600.0


class Pair:
    """A leaver and a survivor, both with the database `one`."""

    def __init__(self, servers: list[Server], client: Client) -> None:
        self.mine, self.theirs = servers[:2]
        instances = instances_of(servers[:2])
        until = client.monotonic() + FAR
        self.leaver, self.survivor = (client.talk(i, CREDENTIALS, until=until) for i in instances)
        for server in servers[:2]:
            server.call("PUT", "/one")

    def copy(self) -> None:
        """All revisions of the leaver's database go to the survivor."""
        ends = {
            end: {"url": f"{server.address}/one", "auth": {"basic": login()}}
            for end, server in (("source", self.mine), ("target", self.theirs))
        }
        self.theirs.call("POST", "/_replicate", ends)

    def begin(self) -> Proof:
        return proving.begin("one", "cdb-1", read_holdings(self.leaver), read_holdings(self.survivor))

    def run(self, page: int) -> list[Proof]:
        """Every state of a proof until it is complete or stuck."""
        states = [self.begin()]
        while not states[-1].is_complete and not states[-1].missing:
            assert len(states) < 100
            states.append(proving.next_page(states[-1], self.leaver, self.survivor, page))
        return states


def login() -> dict[str, str]:
    return {"username": CREDENTIALS.name, "password": CREDENTIALS.password}


@pytest.fixture
def pair(servers: list[Server]) -> Iterator[Pair]:
    make_fresh(servers)
    client = Client(connections=4)
    try:
        yield Pair(servers, client)
    finally:
        client.close()


def write(server: Server, *documents: Mapping[str, object], **more: object) -> None:
    server.call("POST", "/one/_bulk_docs", {"docs": list(documents), **more})


def test_a_proof_goes_page_by_page_to_the_end(pair: Pair) -> None:
    write(pair.mine, *({"_id": f"d{n:02}"} for n in range(10)))
    pair.copy()
    states = pair.run(page=4)
    assert [state.documents for state in states] == [0, 4, 8, 10]
    assert [state.is_complete for state in states] == [False, False, False, True]


def test_an_empty_database_is_proved_at_once(pair: Pair) -> None:
    assert pair.run(page=4)[-1].is_complete


def test_what_is_missing_stops_the_proof_at_its_page(pair: Pair) -> None:
    write(pair.mine, *({"_id": f"d{n:02}"} for n in range(4)))
    pair.copy()
    write(pair.mine, {"_id": "e1"}, {"_id": "e2"})
    stuck = pair.run(page=4)[-1]
    assert (stuck.documents, stuck.missing, stuck.is_complete) == (4, 2, False)
    pair.copy()
    done = proving.next_page(stuck, pair.leaver, pair.survivor, 4)
    assert (done.documents, done.missing, done.is_complete) == (6, 0, True)


def test_a_missing_tombstone_is_missing(pair: Pair) -> None:
    write(pair.mine, {"_id": "a"})
    pair.copy()
    revision = pair.mine.call("GET", "/one/a")["_rev"]
    write(pair.mine, {"_id": "a", "_rev": revision, "_deleted": True})
    assert pair.run(page=4)[-1].missing == 1


def test_a_missing_losing_conflict_is_missing(pair: Pair) -> None:
    write(pair.mine, {"_id": "a", "n": 1})
    pair.copy()
    write(pair.mine, {"_id": "a", "_rev": "1-0", "n": 2}, new_edits=False)
    assert pair.run(page=4)[-1].missing == 1
    pair.copy()
    assert pair.run(page=4)[-1].is_complete


def test_nothing_since_is_what_the_leaver_says_of_the_cursor(pair: Pair) -> None:
    write(pair.mine, {"_id": "a"}, {"_id": "b"})
    pair.copy()
    done = pair.run(page=1)[-1]
    assert proving.has_nothing_since(pair.leaver, done)
    write(pair.mine, {"_id": "c"})
    assert not proving.has_nothing_since(pair.leaver, done)


def test_a_database_that_was_made_again_is_other_data(pair: Pair) -> None:
    before = pair.begin()
    pair.theirs.call("DELETE", "/one")
    pair.theirs.call("PUT", "/one")
    assert not proving.is_of(before, read_holdings(pair.leaver), read_holdings(pair.survivor))


def test_users_replications_are_copied_page_by_page(pair: Pair) -> None:
    mine = [{"_id": doc_id, "source": "http://127.0.0.1:9/a", "target": "http://127.0.0.1:9/b"} for doc_id in "uvwxyz"]
    kantos = {**mine[0], "_id": "kanto-drain:one:cdb-1"}
    pair.mine.call("POST", "/_replicator/_bulk_docs", {"docs": [*mine, kantos]})
    pair.theirs.call("POST", "/_replicator/_bulk_docs", {"docs": [{**mine[4], "continuous": True}]})
    for _ in range(2):
        assert copying.copy_user_replications(pair.leaver, pair.survivor, page=2) == ("y",)
    rows = pair.theirs.call("GET", "/_replicator/_all_docs")["rows"]
    assert [row["id"] for row in rows if row["id"] in "uvwxyz"] == list("uvwxyz")
    assert "kanto-drain:one:cdb-1" not in {row["id"] for row in rows}
