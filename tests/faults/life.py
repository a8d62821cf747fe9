"""One cluster that shrinks and grows under faults while clients write, and the account of it."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import httpx

from tests.e2e.service import Service, User, wait_until
from tests.faults.breaker import Breaker
from tests.faults.plan import faults
from tests.faults.recorders import ALONE, SHARED, Acknowledged, Crowd, Gaps, Recorder, missing
from tests.faults.wires import Wires, free_ports
from tests.running import Running

TAG = "faults"
LARGE, SMALL = 6, 2
ROUNDS = 3
WRITERS = 8
LEASE = 4.0
BRIDGE_AFTER = 4.0
PAUSE = 2.5
"""Mean seconds between two faults."""

PATIENCE = 120.0
"""Seconds for all to be whole on a loaded machine."""

JOB_PATIENCE = 400.0
"""Seconds for a job to end while faults go on: on a loaded machine a worker needs 15 s to start, and lives for 20."""

SETTINGS = {
    "KANTO_WORKERS": "3",
    "KANTO_LEASE": str(LEASE),
    "KANTO_GRACE": "1",
    "KANTO_BRIDGE_AFTER": str(BRIDGE_AFTER),
    "KANTO_UPKEEP_INTERVAL": "2",
}


@dataclass
class Account:
    """What came of it. `lost`: where a revision is missing, by the URL or the words for it."""

    seed: int
    rounds: int = 0
    acknowledged: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    # by the way that was taken, and status
    answers: dict[str, Counter[int]] = field(default_factory=dict)
    cuts: int = 0
    gaps: dict[str, float] = field(default_factory=dict)
    to_whole: float = 0.0
    seconds: float = 0.0
    shrinks: list[float] = field(default_factory=list)
    grows: list[float] = field(default_factory=list)
    lost: dict[str, list[Acknowledged]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.faults.items()))
        gaps = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in self.gaps.items())
        answers = "; ".join(f"{way} {dict(sorted(found.items()))}" for way, found in self.answers.items())
        lines = [
            f"seed {self.seed}: {self.rounds} times from {LARGE} to {SMALL} and back in {self.seconds:.0f} s",
            f"writes acknowledged: {self.acknowledged} (answers {answers}; connections cut {self.cuts})",
            f"faults: {sum(self.faults.values())} ({kinds})",
            f"longest time without a successful write: {gaps}",
            f"shrinks took {seconds_of(self.shrinks)}; grows {seconds_of(self.grows)}",
            f"from the end of all faults until the last round is done and all is whole: {self.to_whole:.1f} s",
            f"lost: {sum(map(len, self.lost.values()))}",
        ]
        for where, ones in self.lost.items():
            lines += [f"  on {where}: {len(ones)} missing", *(f"    {one}" for one in ones[:10])]
        return "\n".join(lines)


def seconds_of(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values) + " s"


def is_straight(lane: int) -> bool:
    """Every other writer goes straight to an instance."""
    return lane % 2 == 1


class Life:
    """The service, its cluster and its writers, from create to the account.

    Faults happen for `seconds`; the cluster shrinks and grows as long, and at least `rounds` times.
    """

    def __init__(self, folder: Path, *, seed: int, seconds: float, rounds: int = ROUNDS) -> None:
        self.ports = free_ports()
        self.service = Service(folder / "home", self.ports, SETTINGS, command=["tests.faults.run"])
        self.user = User(self.service, "fritz", "Ty5wvW7LuQ3T")
        self.seed = seed
        self.seconds = seconds
        self.rounds = rounds
        self.account = Account(seed)
        self.urls: tuple[str, ...] = ()
        self.endpoint = ""
        self.gaps = {"anywhere": Gaps(), "through the endpoint": Gaps()}

    def run(self) -> Account:
        """AssertionError when a job fails or something does not come in time; what was lost is in the account."""
        with ExitStack() as stack:
            wires = stack.enter_context(Wires(self.ports))
            stack.callback(self.service.end)
            self.service.start()
            made = self.user.result("create", cluster_tag=TAG, replicas=LARGE)
            self.endpoint = made["Endpoint"]
            self._take_in(made)
            began = time.monotonic()
            with Crowd([self._recorder(lane) for lane in range(WRITERS)]) as crowd, self._looking():
                planned = faults(self.seed, lease=LEASE, bridge_after=BRIDGE_AFTER, pause=PAUSE)
                with Breaker(self.service, wires, planned, began=began, until=began + self.seconds) as breaker:
                    self.account.faults, self.account.log = breaker.begun, breaker.log
                    self._shrink_and_grow(crowd, until=began + self.seconds)
                self._wait_until_whole(crowd)
                self.account.to_whole = time.monotonic() - breaker.mended_at
            self._settle(crowd)
            self.account.seconds = time.monotonic() - began
        return self.account

    def _recorder(self, lane: int) -> Recorder:
        """Half of them go through the endpoint, half straight to an instance."""
        straight = is_straight(lane)
        gaps = [self.gaps["anywhere"], *([] if straight else [self.gaps["through the endpoint"]])]

        def choose() -> str | None:
            if not straight:
                return self.endpoint
            return self.urls[lane % len(self.urls)] if self.urls else None

        databases = (SHARED, ALONE) if straight else (SHARED,)
        return Recorder(lane, login=self.user.login, choose=choose, databases=databases, gaps=gaps, seed=self.seed)

    def _take_in(self, detail: Mapping[str, Any]) -> None:
        self.urls = tuple(one["Url"] for one in detail["Instances"])

    # what writers have to know

    def _looking(self) -> "Looking":
        return Looking(self)

    def look(self) -> dict[str, Any] | None:
        """The detail; None while the api or Redis is away."""
        try:
            answer = self.user.post("detail", cluster_tag=TAG)
        except httpx.HTTPError:
            return None
        if answer.status_code != 200:
            return None
        found: dict[str, Any] = answer.json()["result"]
        return found

    # shrinking and growing

    def _shrink_and_grow(self, crowd: Crowd, *, until: float) -> None:
        while self.account.rounds < self.rounds or time.monotonic() < until:
            self.account.shrinks.append(self._scale(SMALL))
            self._check_survivors(crowd.acknowledged)
            self.account.grows.append(self._scale(LARGE))
            self.account.rounds += 1
            if self.account.lost:
                return

    def _scale(self, replicas: int) -> float:
        began = time.monotonic()
        job = wait_until("the job to be taken", lambda: self._begin(replicas), seconds=JOB_PATIENCE)
        ended = self.user.ended(job, seconds=JOB_PATIENCE)
        assert ended["status"] == "succeeded", ended
        return time.monotonic() - began

    def _begin(self, replicas: int) -> str | None:
        """The job's id; None while nobody takes it. One that was taken although its answer was cut off is found."""
        try:
            answer = self.user.post("scale", cluster_tag=TAG, replicas=replicas, **{"async": 1})
        except httpx.HTTPError:
            return None
        if answer.status_code == 202:
            job: str = answer.json()["result"]["Job"]
            return job
        if answer.status_code == 409:
            running: str | None = answer.json().get("job")
            return running
        assert answer.status_code == 503, answer.text
        return None

    # accounts

    def _check_survivors(self, acknowledged: Sequence[Acknowledged]) -> None:
        """What was acknowledged by now is on those that are left, or is soon: some of it is on its way."""
        self._await_arrival(acknowledged, what="after a shrink")

    def _await_arrival(self, acknowledged: Sequence[Acknowledged], *, what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            lost = self._lost(acknowledged)
            if lost is not None and not lost:
                return
            if time.monotonic() > deadline:
                self.account.lost |= {f"{where}, {what}": ones for where, ones in (lost or {}).items()}
                assert lost, "the survivors could not be asked"
                return
            time.sleep(0.5)

    def _lost(self, acknowledged: Sequence[Acknowledged]) -> dict[str, list[Acknowledged]] | None:
        """What is missing now, by where; None when somebody could not be asked."""
        detail = self.look()
        if detail is None:
            return None
        self._take_in(detail)
        login, urls = self.user.login, [one["Url"] for one in detail["Instances"] if one["State"] == "serving"]
        try:
            everywhere = missing([a for a in acknowledged if a.database == SHARED], urls, login=login)
            alone = missing([a for a in acknowledged if a.database == ALONE], urls, login=login)
        except httpx.HTTPError:
            return None
        if not urls:
            return None
        nowhere = set.intersection(*(set(ones) for ones in alone.values()))
        found = {url: ones for url, ones in everywhere.items() if ones}
        return found | ({"every instance": sorted(nowhere, key=lambda one: one.at)} if nowhere else {})

    def _wait_until_whole(self, crowd: Crowd) -> None:
        """Ready, and what was written by then is everywhere."""
        wait_until("the cluster to be ready", self._is_ready, seconds=PATIENCE)
        self._await_arrival(crowd.acknowledged, what="at the end")

    def _is_ready(self) -> bool:
        detail = self.look()
        return detail is not None and detail["Status"] == "ready"

    def _settle(self, crowd: Crowd) -> None:
        """Nobody writes any more: all of it is everywhere."""
        self._await_arrival(crowd.acknowledged, what="at the end")
        self.account.acknowledged = len(crowd.acknowledged)
        self.account.cuts = sum(recorder.cut for recorder in crowd.recorders)
        for recorder in crowd.recorders:
            way = "straight" if is_straight(recorder.lane) else "endpoint"
            self.account.answers.setdefault(way, Counter()).update(recorder.answers)
        self.account.gaps = {name: gap.longest for name, gap in self.gaps.items()}


class Looking(Running):
    """A thread that tells the writers which instances there are."""

    def __init__(self, life: Life) -> None:
        super().__init__([self._run], who="who looks")
        self._life = life

    def _run(self, stop: Event) -> None:
        while not stop.wait(1.0):
            detail = self._life.look()
            if detail is not None:
                self._life.urls = tuple(one["Url"] for one in detail["Instances"])
