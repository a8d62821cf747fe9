"""What runs in a lab, and what it costs."""

from dataclasses import dataclass

from dev.kubernetes.lab import cgroups, control
from dev.kubernetes.lab.place import Place
from dev.kubernetes.lab.processes import read_all

SHIM = "containerd-shim"


@dataclass
class Row:
    """Of one part, or of what is none."""

    processes: int = 0
    resident_kib: int = 0
    cpu_seconds: float = 0.0


def read(place: Place) -> dict[str, Row]:
    """By part; a part that does not run has no processes. Shared pages count for each process that has them."""
    answers = [line.split() for line in control.ask(place, "list").splitlines()]
    names = {int(pid): name for name, pid in answers if pid != "-"}
    rows = {name: Row() for name, _ in answers}
    for process in read_all(cgroups.pids_in({place.name})):
        other = {1: "lab"}.get(process.pid) or ("shims" if process.name.startswith(SHIM) else "containers")
        row = rows.setdefault(names.get(process.pid, other), Row())
        row.processes += 1
        row.resident_kib += process.resident_kib
        row.cpu_seconds += process.cpu_seconds
    return rows
