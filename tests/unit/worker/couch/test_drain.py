"""One piece of draining between two small servers behind httpx, whose every answer takes a second."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from common.errors import TemporaryError
from worker.core.observed import Drained, Instance, Proof
from worker.couch.client import Client
from worker.couch.drain import DEFAULT_SECURITY, drain
from worker.ports import Credentials

CREDENTIALS = Credentials("kanto-7f3a", "secret")
RIGHTS = {"admins": {}, "members": {"names": ["ann"]}}


@dataclass
class Shelf:
    """Databases without documents: as much of CouchDB as a piece asks for. `is_away`: nobody listens."""

    name: str
    security: dict[str, Any] = field(default_factory=dict)
    is_away: bool = False

    @property
    def instance(self) -> Instance:
        return Instance(self.name, f"id-{self.name}", f"http://{self.name}:5984", "", "running", serving=False)

    def make(self, databases: Iterable[str], security: object = None) -> None:
        for database in databases:
            self.security.setdefault(database, security or json.loads(DEFAULT_SECURITY))

    def answer(self, method: str, path: str, body: Any) -> tuple[int, object]:
        database, _, rest = path.strip("/").partition("/")
        if database in ("", "_all_dbs", "_dbs_info", "_replicator"):
            return 200, self._answer_of_all(database, body)
        if (method, rest) == ("PUT", ""):
            is_there = database in self.security
            self.make([database])
            return (412, {"error": "file_exists"}) if is_there else (201, {"ok": True})
        if (method, rest) == ("PUT", "_security"):
            self.security[database] = body
            return 200, {"ok": True}
        assert method == "GET", path
        kinds = {
            "": self._info(),
            "_security": self.security[database],
            "_changes": {"results": [], "last_seq": "0", "pending": 0},
        }
        return 200, kinds[rest]

    def _answer_of_all(self, path: str, body: Any) -> object:
        match path:
            case "":
                return {"uuid": f"uuid-{self.name}"}
            case "_all_dbs":
                return sorted(self.security)
            case "_dbs_info":
                return [{"key": name, "info": self._info()} for name in body["keys"]]
        return {"rows": []}

    def _info(self) -> dict[str, Any]:
        return {"instance_start_time": f"start-{self.name}", "doc_count": 0, "doc_del_count": 0}


class Pair:
    """A leaver with three databases, a survivor, and a clock that goes on with each answer."""

    def __init__(self) -> None:
        self.leaver, self.survivor = Shelf("leaver"), Shelf("survivor")
        self.leaver.make(("a", "b", "c"), RIGHTS)
        self.now = 0.0
        self.client = Client(connections=2, monotonic=lambda: self.now, transport=httpx.MockTransport(self._carry))

    def _carry(self, request: httpx.Request) -> httpx.Response:
        shelf = {shelf.name: shelf for shelf in (self.leaver, self.survivor)}[request.url.host]
        self.now += 1.0
        if shelf.is_away:
            raise httpx.ConnectError("refused")
        path = request.url.raw_path.decode().partition("?")[0]
        status, body = shelf.answer(request.method, path, json.loads(request.content) if request.content else None)
        return httpx.Response(status, json=body)

    def piece(self, seconds: float, proofs: Sequence[Proof] = ()) -> Drained:
        """One that begins nothing more after so many seconds."""
        until = self.now + seconds
        leaver, survivor = (
            self.client.talk(shelf.instance, CREDENTIALS, until=until + 60.0) for shelf in (self.leaver, self.survivor)
        )
        return drain(leaver, survivor, proofs, until=until)


def complete(piece: Drained) -> set[str]:
    return {proof.database for proof in piece.proofs if proof.is_complete}


@pytest.mark.parametrize("seconds", range(1, 26))
def test_what_is_proved_has_its_rights_wherever_a_piece_runs_out_of_time(seconds: int) -> None:
    """The survivor has all databases already, by a piece that was cut before it gave them their rights."""
    pair = Pair()
    pair.survivor.make(("a", "b", "c"))
    piece = pair.piece(float(seconds))
    assert {proof.database for proof in piece.proofs} <= {d for d, s in pair.survivor.security.items() if s == RIGHTS}
    for _ in range(10):
        piece = pair.piece(12.0, piece.proofs)
    assert complete(piece) == {"a", "b", "c"}
    assert pair.survivor.security == pair.leaver.security


def test_rights_of_the_survivors_own_are_left() -> None:
    pair = Pair()
    own = {"admins": {}, "members": {"names": ["bob"]}}
    pair.survivor.make(("a",), own)
    assert complete(pair.piece(100.0)) == {"a", "b", "c"}
    assert pair.survivor.security == {"a": own, "b": RIGHTS, "c": RIGHTS}


def test_a_survivor_that_is_away_from_the_first_request_on_is_told_and_its_proofs_are_kept() -> None:
    pair = Pair()
    proofs = pair.piece(100.0).proofs
    pair.survivor.is_away = True
    piece = pair.piece(100.0, proofs)
    assert (piece.databases, piece.proofs) == (("a", "b", "c"), proofs)
    assert len(piece.waits) == 1
    assert "survivor" in piece.waits[0]


def test_a_leaver_that_is_away_says_nothing_of_what_it_holds() -> None:
    pair = Pair()
    pair.leaver.is_away = True
    with pytest.raises(TemporaryError):
        pair.piece(100.0)
