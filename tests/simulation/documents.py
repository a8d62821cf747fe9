"""Users' own replication documents, which kanto never touches and brings along when their instance leaves."""

from collections.abc import Iterable

from tests.simulation.borders import Violation
from tests.simulation.ledger import Ledger
from tests.twins.couch.jobs import key_of
from tests.twins.couch.world import Server


class OwnDocuments:
    """Each must be, as it was written, on one server at least."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._bodies: dict[str, str] = {}

    def put(self, server: Server, doc_id: str) -> None:
        self._bodies[doc_id] = key_of(server.documents[doc_id])

    def gone(self, server: Server, others: Iterable[Server], why: str | None) -> None:
        """The server goes; `why` says by whose fault, if by anybody's but kanto's."""
        rest = list(others)
        for doc_id in [doc_id for doc_id in self._bodies if is_there(self._bodies[doc_id], doc_id, server)]:
            if any(is_there(self._bodies[doc_id], doc_id, other) for other in rest):
                continue
            if why is None:
                raise Violation(f"a user's own document {doc_id} goes with its instance")
            del self._bodies[doc_id]
            self._ledger.count(why)

    def end(self, servers: Iterable[Server]) -> None:
        there = list(servers)
        for doc_id, body in self._bodies.items():
            if not any(is_there(body, doc_id, server) for server in there):
                raise Violation(f"a user's own document {doc_id} is gone or altered")


def is_there(body: str, doc_id: str, server: Server) -> bool:
    found = server.documents.get(doc_id)
    return found is not None and key_of(found) == body
