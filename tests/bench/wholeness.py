"""How soon a cluster is whole after a fault, and what a shrink costs those who write: as users see it."""

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

import httpx

from tests.bench.figure import Figure, at_most
from tests.e2e.inside import Inside
from tests.e2e.service import Service, User, wait_until
from tests.e2e.writers import names_in, numbered, put_all
from tests.faults.wires import free_ports
from tests.running import Running

SETTINGS = {"KANTO_UPKEEP_INTERVAL": "30", "KANTO_BRIDGE_AFTER": "5"}
"""As people have them, but for the bridge, whose minute would be waited for."""

LEASE = 15.0
RETURNS = 3
DEATHS = 2
LARGE, SMALL = 6, 2
SHRINKS = 3
CLIENTS = 4
PAUSE = 0.005
"""Seconds between two writes of a client."""

_numbers = count()


def measure(home: Path) -> list[Figure]:
    service = Service(home / "home", free_ports(), SETTINGS)
    try:
        service.start()
        user, inside = service.user("fig"), Inside(service)
        user.result("create", cluster_tag="return", replicas=4)
        returns = [after_a_return(user, inside) for _ in range(RETURNS)]
        user.result("delete", cluster_tag="return")
        deaths = [after_a_death(service, user, inside) for _ in range(DEATHS)]
        fresh, kept, took = through_a_shrink(user)
    finally:
        service.end()
    hop = [alone for _, alone, _ in returns]
    return [
        Figure(
            "an instance is back after a bridge: every write everywhere",
            "s",
            [whole for whole, _, _ in returns],
            "one write from each to each in the ring that is whole",
            hop,
            note="from its first answer; 200 writes had been made without it; the bridge was gone after "
            + seconds([gone for *_, gone in returns]),
        ),
        Figure(
            "a worker dies in a job: to the take-over",
            "s",
            [taken for taken, _ in deaths],
            "the lease",
            [LEASE],
            at_most(20 / LEASE),
            note=f"the whole job took {seconds([job for _, job in deaths])}",
        ),
        refusals("new connections", fresh, took, "none are to be refused"),
        refusals("kept connections", kept, took, "they are cut at the end of the grace and begin anew"),
    ]


def seconds(values: list[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values) + " s"


def refusals(what: str, found: "Tally", took: float, why: str) -> Figure:
    return Figure(
        f"{SHRINKS} shrinks from {LARGE} to {SMALL}, {what}: longest time without a write",
        "s",
        [found.longest],
        note=f"{found.written} written in {took:.1f} s, {found.refused} refused, {found.cut} connections cut; {why}",
    )


# an instance returns


def after_a_return(user: User, inside: Inside) -> tuple[float, float, float]:
    """Seconds until all is everywhere again, those that it takes without a fault, and until the bridge is gone."""
    made = user.ready("return")
    couches = [user.couch(one["Url"]) for one in made["Instances"]]
    victim, *others = couches
    alone = until_everywhere(couches)
    with inside.held_still(inside.pid(made["Instances"][0]["Name"])):
        wait_until("the bridge", lambda: runs_to(others[-1], made["Instances"][1]["Name"]))
        put_all(others[0], "test", numbered(200, prefix=f"without{next(_numbers)}-"))
    wait_until("an answer", lambda: answers(victim))
    began = time.monotonic()
    whole = until_everywhere(couches)
    wait_until("the bridge to go", lambda: not runs_to(others[-1], made["Instances"][1]["Name"]))
    return whole, alone, time.monotonic() - began


def until_everywhere(couches: list[httpx.Client]) -> float:
    """From a write on each until everything that anybody has is on all."""
    began = time.monotonic()
    for couch in couches:
        put_all(couch, "test", numbered(1, prefix=f"mark{next(_numbers)}-"))
    wanted = set[str]().union(*(names_in(couch, "test") for couch in couches))
    wait_until("every write on every instance", lambda: all(wanted <= names_in(couch, "test") for couch in couches))
    return time.monotonic() - began


def runs_to(couch: httpx.Client, name: str) -> bool:
    rows = couch.get("/_replicator/_all_docs").json()["rows"]
    return any(row["id"].startswith("kanto:") and row["id"].endswith(f":{name}") for row in rows)


def answers(couch: httpx.Client) -> bool:
    try:
        return couch.get("/_up", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


# a worker dies


def after_a_death(service: Service, user: User, inside: Inside) -> tuple[float, float]:
    """Seconds from a SIGKILL of the worker that is at a create until another is, and of the whole job."""
    wait_until("both workers", lambda: len(service.processes("-m worker")) == 2)
    began = time.monotonic()
    job = user.begin("create", cluster_tag="death", replicas=3)
    kill = inside.kill_holder_in(user, "death", job, "starting instances", signal.SIGKILL)
    taken = inside.taken_over(user, "death", kill)
    ended = user.ended(job)
    took = time.monotonic() - began
    assert ended["status"] == "succeeded", ended
    user.result("delete", cluster_tag="death")
    return taken, took


# a shrink


@dataclass
class Tally:
    """What became of the writes of one kind of client. `longest`: seconds from a first failure to the next success."""

    written: int = 0
    refused: int = 0
    cut: int = 0
    longest: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *, written: int = 0, refused: int = 0, cut: int = 0, failing: float = 0.0) -> None:
        with self.lock:
            self.written += written
            self.refused += refused
            self.cut += cut
            self.longest = max(self.longest, failing)


class Writing(Running):
    """Clients that write through an endpoint; each keeps its connection, or makes one for each write."""

    def __init__(self, user: User, endpoint: str, tally: Tally, *, keeps: bool) -> None:
        super().__init__([partial(self._run, lane) for lane in range(CLIENTS)], who="a client")
        self._user = user
        self._endpoint = endpoint
        self._tally = tally
        self._headers = {} if keeps else {"Connection": "close"}
        self._prefix = "kept" if keeps else "new"

    def _run(self, lane: int, stop: threading.Event) -> None:
        failing: float | None = None
        number = 0
        with httpx.Client(base_url=self._endpoint, auth=self._user.login, timeout=20, trust_env=False) as client:
            while not stop.wait(PAUSE):
                number += 1
                began = time.monotonic()
                what = self._write(client, f"{self._prefix}-{os.getpid()}-{lane}-{number}")
                if what != "written":
                    failing = began if failing is None else failing
                    self._tally.add(**{what: 1})
                    continue
                self._tally.add(written=1, failing=0.0 if failing is None else time.monotonic() - failing)
                failing = None

    def _write(self, client: httpx.Client, name: str) -> str:
        try:
            answer = client.put(f"/test/{name}", json={}, headers=self._headers)
        except httpx.TransportError:
            return "cut"
        return "written" if answer.status_code in (201, 202) else "refused"


def through_a_shrink(user: User) -> tuple[Tally, Tally, float]:
    """What clients met from just before each shrink until just after it, and the seconds that all took."""
    fresh, kept, took = Tally(), Tally(), 0.0
    for number in range(SHRINKS):
        tag = f"shrink{number}"
        made = user.result("create", cluster_tag=tag, replicas=LARGE)
        with (
            Writing(user, made["Endpoint"], fresh, keeps=False),
            Writing(user, made["Endpoint"], kept, keeps=True),
        ):
            wait_for_more(fresh, kept)
            began = time.monotonic()
            user.result("scale", cluster_tag=tag, replicas=SMALL)
            took += time.monotonic() - began
            wait_for_more(fresh, kept)
        user.result("delete", cluster_tag=tag)
    return fresh, kept, took


def wait_for_more(*tallies: Tally) -> None:
    goals: list[Callable[[], bool]] = [
        lambda tally=tally, goal=tally.written + 100: tally.written >= goal  # type: ignore[misc]
        for tally in tallies
    ]
    wait_until("writes of both kinds", lambda: all(goal() for goal in goals))
