"""A worker that is killed in the middle of a long proof loses a page of it at most: pages are counted on the wire."""

import re
import signal
from pathlib import Path

import pytest

from tests.e2e.inside import Inside
from tests.e2e.service import NEEDS_COUCHDB, Service, User, wait_until
from tests.e2e.writers import names_in, put_all
from tests.faults.wires import Wires, free_ports
from worker.couch.proof import PAGE

TAG = "pages"
PAGES = 12
DOCUMENTS = PAGES * PAGE - PAGE // 2
KILLS = 2

pytestmark = NEEDS_COUCHDB


@pytest.mark.timeout(600)
def test_a_worker_that_dies_in_a_proof_loses_one_page_of_it(tmp_path: Path) -> None:
    ports = free_ports()
    settings = {"KANTO_LEASE": "4", "KANTO_GRACE": "1", "KANTO_WORKERS": "3", "KANTO_DEFAULT_DATABASES": "test"}
    service = Service(tmp_path / "home", ports, settings, command=["tests.faults.run"])
    with Wires(ports, counts=b"/test/_revs_diff HTTP") as wires:
        try:
            service.start()
            user, inside = service.user("pia"), Inside(service, worker="tests.faults.worker")
            made = user.result("create", cluster_tag=TAG, replicas=2)
            stay, leaver = (user.couch(one["Url"]) for one in made["Instances"])
            for first in range(0, DOCUMENTS, PAGE):
                put_all(leaver, "test", [{"_id": f"d{n:06}"} for n in range(first, min(first + PAGE, DOCUMENTS))])
            wait_until("everything to be on both", lambda: stay.get("/test").json()["doc_count"] == DOCUMENTS)
            user.ready(TAG)  # no replication has anything to ask for any more, and kanto itself has never asked
            assert wires.counted == 0

            job = user.begin("scale", cluster_tag=TAG, replicas=1)
            at = 0
            for _ in range(KILLS):
                at = wait_until("a proof that is under way", lambda at=at: further(user, job, at))  # type: ignore[misc]
                inside.kill_holder_in(user, TAG, job, "draining", signal.SIGKILL)
                print(f"killed when {at} of {DOCUMENTS} documents were proved")
            ended = user.ended(job)
            assert ended["status"] == "succeeded", ended
            print(f"{wires.counted} pages were asked for, of {PAGES}, with {KILLS} kills")
            assert PAGES <= wires.counted <= PAGES + KILLS
            assert len(names_in(stay, "test")) == DOCUMENTS
        finally:
            service.end()


def further(user: User, job: str, at: int) -> int | None:
    """How many documents are proved, once it is more than `at` and not yet all; AssertionError when it is too late."""
    found = user.job(job)
    assert not found["done"], f"the proof was over before it could be disturbed: {found}"
    for told in re.findall(r"test: (\d+) of \d+ documents are proved", str(found)):
        if at < int(told) < DOCUMENTS - 2 * PAGE:
            return int(told)
    return None
