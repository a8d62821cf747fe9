"""`make bench-kubernetes`: create on Kubernetes against kubectl and a straight script, and the calls that kanto makes.

Runs inside the lab. Prints a table and puts the figures beside the others in bench/results.json.
"""

import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from common.cluster import Spawner
from tests.bench import table
from tests.bench.__main__ import RESULTS
from tests.bench.figure import Figure, at_most
from tests.e2e.service import User
from tests.kubernetes import by_hand
from tests.kubernetes.admin import Admin
from tests.kubernetes.audit import Audit, Right
from tests.kubernetes.lab import AUDIT
from tests.kubernetes.place import made_place
from tests.kubernetes.service import SPAWNERS, Service

REPLICAS = 3
PAIRS = 5
ITERATIONS = 600_000
"""What a new cluster's admin line takes by default: half a second of work, in kanto and in the script."""

FLOOR = (
    "`kubectl apply` of the same manifests, `kubectl wait`, and a script that wires the ring and opens the gates "
    "until the Service leads to all three"
)
IDLE = 60.0
"""Seconds for which a cluster that is well is left alone."""


def measure(admin: Admin, service: Service) -> list[Figure]:
    """Calls first: a cluster that was deleted is looked for again for minutes, which would be counted."""
    meter = Meter(Audit(AUDIT, {service.place.account}))
    users = {spawner: service.user(f"calls-{spawner}", spawner) for spawner in SPAWNERS}
    figures = [figure for spawner, user in users.items() for figure in calls(meter, user, spawner)]
    for user in users.values():
        user.ready("calls")
    what = "calls of an idle minute of three clusters, one with each spawner"
    figures.append(meter.count(what, lambda: time.sleep(IDLE)))
    for user in users.values():
        user.result("delete", cluster_tag="calls")
    return [creating(admin, service), *figures]


def creating(admin: Admin, service: Service) -> Figure:
    user = service.user("bench", "statefulset")
    kanto: list[float] = []
    floor: list[float] = []
    for number in range(PAIRS + 1):
        ours = timed(lambda: user.result("create", cluster_tag="bench", replicas=REPLICAS))
        user.result("delete", cluster_tag="bench")
        admin.wait_until_nothing_is_left(service.namespace, user.name, "bench")
        began = time.monotonic()
        spec = by_hand.create(admin, service.namespace, f"hand-{number}", REPLICAS, iterations=ITERATIONS)
        theirs = time.monotonic() - began
        by_hand.delete(service.namespace, spec)
        print(f"create of three: {ours:.2f} s, by hand {theirs:.2f} s", file=sys.stderr, flush=True)
        if number > 0:  # the first is the warm-up
            kanto.append(ours)
            floor.append(theirs)
    return Figure("create of three on Kubernetes, to ready", "s", kanto, FLOOR, floor, at_most(1.15))


@dataclass(frozen=True, slots=True)
class Meter:
    """Counts what kanto asks the API server for."""

    audit: Audit

    def count(self, what: str, act: Callable[[], object]) -> Figure:
        place = self.audit.place()
        act()
        counts = self.audit.counts(place)
        return Figure(what, "calls", [counts.total()], note=told(counts))


def calls(meter: Meter, user: User, spawner: Spawner) -> list[Figure]:
    def count(what: str, operation: str, replicas: int) -> Figure:
        name = f"calls of a {what}, {spawner}"
        return meter.count(name, lambda: user.result(operation, cluster_tag="calls", replicas=replicas))

    return [
        count("create of three", "create", 3),
        count("scale from 3 to 5", "scale", 5),
        count("scale from 5 to 3", "scale", 3),
    ]


def told(counts: Counter[Right]) -> str:
    return ", ".join(f"{verb} {resource} {count}" for (_, resource, verb), count in counts.most_common(6))


def timed(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def main() -> int:
    """The exit code: 2 outside of a lab, else 0: a missed goal is a figure, not an error."""
    if "KANTO_LAB" not in os.environ:
        print("this runs inside the lab: make bench-kubernetes", file=sys.stderr)
        return 2
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Admin(Path(os.environ["KUBECONFIG"]))) as admin,
        made_place(admin, Path(folder), "bench") as place,
    ):
        settings = {"KANTO_PASSWORD_ITERATIONS": str(ITERATIONS)}
        service = Service(Path(folder), place, spawners=SPAWNERS, settings=settings)
        try:
            service.start()
            figures = measure(admin, service)
        finally:
            service.end()
    seconds = time.monotonic() - began
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    print(f"{table.render(figures)}\n\n{machine}; {seconds:.0f} s in all")
    table.write(RESULTS, figures, machine=machine, seconds=seconds, section="kubernetes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
