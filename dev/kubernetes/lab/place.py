"""Where a lab keeps its things, and the names and addresses that all of it share."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

NODE = "lab"
NODE_IP = "10.244.0.1"
POD_CIDR = "10.244.0.0/16"
FIRST_POD_IP = "10.244.0.10"
SERVICE_CIDR = "10.96.0.0/16"
API_IP = "10.96.0.1"
DNS_IP = "10.96.0.10"
SERVER = f"https://{NODE_IP}:6443"

PRIVATE = ("/var", "/run")
"""A lab has its own of these, so its folder cannot be in one of them."""


class LabError(Exception):
    """A sentence for the person who called us: what was tried, and what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """One lab: its folder, which `down` removes whole, and the folder of its programs, which it only reads."""

    folder: Path
    programs: Path

    @property
    def name(self) -> str:
        """Of its control groups and its lock: one lab per folder."""
        return "kanto-lab-" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:10]

    @property
    def marker(self) -> Path:
        """Says that the folder is a lab's, and may be removed."""
        return self.folder / ".lab"

    @property
    def finished(self) -> Path:
        """There from the end of `up` on."""
        return self.folder / "up"

    @property
    def init(self) -> Path:
        """The pid of the lab's first process, as the machine sees it, and its start time."""
        return self.folder / "init.pid"

    @property
    def control(self) -> Path:
        """The socket by which parts are stopped and started."""
        return self.folder / "control"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.folder / "admin.kubeconfig"

    @property
    def audit(self) -> Path:
        """The API server's record of what service accounts asked for, a JSON line each."""
        return self.folder / "audit.log"

    @property
    def logs(self) -> Path:
        """One file per part."""
        return self.folder / "log"


def find_place(folder: Path, programs: Path) -> Place:
    """The lab of a folder, which need not exist; LabError for one that cannot hold a lab."""
    folder = folder.resolve()
    if any(folder.is_relative_to(private) for private in PRIVATE):
        raise LabError(f"a lab has a {' and a '.join(PRIVATE)} of its own, so {folder} cannot hold it: set LAB_DIR")
    if set(str(folder)) & set(",: \n"):
        raise LabError(f"{folder}: overlay mounts cannot name a folder with a comma, a colon or a space: set LAB_DIR")
    return Place(folder, programs.resolve())
