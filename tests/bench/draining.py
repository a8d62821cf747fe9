"""Draining a large database: brought to a survivor and proved there, against bringing it alone; and the proof alone."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from common.errors import KantoError, TemporaryError
from tests.bench import script
from tests.bench.figure import Figure, at_most
from tests.bench.process import memory_mib
from worker.core.observed import Node, Proof
from worker.couch.adapter import HttpCouch
from worker.platforms.process.program import find

DOCUMENTS = 100_000
AT_ONCE = 2_000
DATABASE = "large"
NONCE = "nonce"
PIECE_SECONDS = 4.0
"""As long as a step gives one piece."""

MOST_PIECES = 5_000
LONGEST_COPY = 600.0
BETWEEN_LOOKS = 0.1


def measure(home: Path) -> list[Figure]:
    nodes = script.start(home, 3, find(None), iterations=10)
    leaver, survivor, other = nodes
    try:
        for node in nodes:
            node.wait_until_up()
        fill(leaver)
        with HttpCouch() as couch:
            copied = copy(leaver, other)
            before = memory_mib(os.getpid())
            fence(couch, leaver)
            drained = drain(couch, leaver, survivor)
            proved = drain(couch, leaver, other)
            grown = max(memory_mib(os.getpid()) - before, 0.0)
    finally:
        for node in nodes:
            node.end()
    alone = "a one-shot replication by hand, without a proof"
    return [
        Figure(f"drain and proof of {DOCUMENTS} documents", "s", [drained], alone, [copied], at_most(2.0)),
        Figure(
            "proof alone, documents a second",
            "1/s",
            [DOCUMENTS / proved],
            "documents a second copied",
            [DOCUMENTS / copied],
            note=f"{grown:.0f} MiB more memory after both than before",
        ),
    ]


def fence(couch: HttpCouch, node: script.Node) -> None:
    """A fence takes a restart, and so more than one call (decision 5)."""
    deadline = time.monotonic() + LONGEST_COPY
    while True:
        with suppress(KantoError):
            couch.fence(node.instance, NONCE, script.CREDENTIALS)
        seen = couch.observe([node.instance], script.CREDENTIALS)[node.instance.name]
        if isinstance(seen, Node) and seen.fence is not None and seen.fence.nonce == NONCE:
            return
        assert time.monotonic() < deadline, f"not fenced: {seen}"
        time.sleep(BETWEEN_LOOKS)


def fill(node: script.Node) -> None:
    node.client.put(f"/{DATABASE}").raise_for_status()
    for first in range(0, DOCUMENTS, AT_ONCE):
        docs = [{"_id": f"{n:08}", "number": n, "text": "x" * 100} for n in range(first, first + AT_ONCE)]
        node.client.post(f"/{DATABASE}/_bulk_docs", json={"docs": docs}, timeout=60).raise_for_status()


def copy(source: script.Node, target: script.Node) -> float:
    """Seconds of a one-shot replication, looked at as often as a drain looks."""
    login = {"basic": {"username": script.CREDENTIALS.name, "password": script.CREDENTIALS.password}}
    began = time.monotonic()
    body = {
        "source": {"url": f"{source.instance.address}/{DATABASE}", "auth": login},
        "target": {"url": f"{target.instance.address}/{DATABASE}", "auth": login},
        "create_target": True,
    }
    target.client.put("/_replicator/by-hand", json=body).raise_for_status()
    deadline = began + LONGEST_COPY
    while target.client.get("/_scheduler/docs/_replicator/by-hand").json().get("state") != "completed":
        assert time.monotonic() < deadline, "the copy does not end"
        time.sleep(BETWEEN_LOOKS)
    took = time.monotonic() - began
    revision = target.client.get("/_replicator/by-hand").json()["_rev"]
    target.client.delete("/_replicator/by-hand", params={"rev": revision}).raise_for_status()
    return took


def drain(couch: HttpCouch, leaver: script.Node, survivor: script.Node) -> float:
    """Piece after piece, as steps do it, until every database of the leaver is proved to be there."""
    began = time.monotonic()
    proofs: Sequence[Proof] = ()
    waits: Sequence[str] = ()
    for _ in range(MOST_PIECES):
        with suppress(TemporaryError):  # a server that is busy with what it was given: a step tries again, too
            found = couch.drain(leaver.instance, survivor.instance, proofs, script.CREDENTIALS, seconds=PIECE_SECONDS)
            proofs, waits = found.proofs, found.waits
            if {proof.database for proof in proofs if proof.is_complete} >= set(found.databases):
                return time.monotonic() - began
        time.sleep(BETWEEN_LOOKS)
    raise AssertionError(f"not drained after {MOST_PIECES} pieces: {waits}")
