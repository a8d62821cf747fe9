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
from pathlib import Path

from common.cluster import Spawner
from tests.bench import table
from tests.bench.__main__ import RESULTS
from tests.bench.figure import Figure, at_most
from tests.kubernetes import by_hand
from tests.kubernetes.admin import Admin
from tests.kubernetes.audit import LOG, Audit, Right
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
    figures = [creating(admin, service)]
    audit = Audit(LOG, {service.place.account})
    for spawner in SPAWNERS:
        figures += calls(audit, service, spawner)
    return figures


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


def calls(audit: Audit, service: Service, spawner: Spawner) -> list[Figure]:
    user = service.user(f"calls-{spawner}", spawner)

    def count(what: str, act: Callable[[], object]) -> Figure:
        place = audit.place()
        act()
        counts = audit.counts(place)
        return Figure(f"{what}, {spawner}", "calls", [counts.total()], note=told(counts))

    figures = [
        count("calls of a create of three", lambda: user.result("create", cluster_tag="calls", replicas=3)),
        count("calls of a scale from 3 to 5", lambda: user.result("scale", cluster_tag="calls", replicas=5)),
        count("calls of a scale from 5 to 3", lambda: user.result("scale", cluster_tag="calls", replicas=3)),
    ]
    user.ready("calls")
    figures.append(count("calls of an idle minute", lambda: time.sleep(IDLE)))
    user.result("delete", cluster_tag="calls")
    return figures


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
