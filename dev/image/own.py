"""An engine of the tests' own: podman with its images, settings and base image in one folder, and nothing elsewhere.

Nothing of the machine's own podman is touched, and no registry of images is asked: the base image is made of Debian's
packages. What is built stays in the folder, so that only what changed is built again.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dev import debian
from dev.cache import cache_folder
from dev.image.build import Engine, ImageError, Say, build, name_of

PACKAGES: debian.Packages = {
    "podman": ("podman",),
    "netavark": ("/usr/lib/podman/netavark",),
    "aardvark-dns": ("/usr/lib/podman/aardvark-dns",),
    "runc": ("runc",),
    "iptables": ("iptables",),
    "nftables": ("nft",),
    "debootstrap": ("debootstrap",),
    "iproute2": ("ip",),
}
WORDS = "Images are tested with podman: Debian 12 as root, and its packages " + ", ".join(PACKAGES) + "."
SUITE = "bookworm"
IN_BASE = ("python3", "python3-pip", "ca-certificates", "tini")
# What Debian's slim image and the official Python image leave out too, so that sizes and starts are like theirs.
LEFT_OUT = (
    "usr/share/info/*",
    "usr/share/lintian/*",
    "usr/share/locale/*",
    "usr/share/man/*",
    "usr/lib/python3*/**/__pycache__",
    "var/cache/apt/*",
    "var/lib/apt/lists/*",
    "var/log/*",
)
SECONDS = 900
KEPT = "168h"
"""How long stages and images stay that no tag names: stages are what the next build goes on from."""

# The first two: the defaults are above the hard limits of some machines. runc: crun refuses hybrid control groups.
# static_dir: where the podman that starts a dead container again looks, which is told of the storage alone.
CONTAINERS = """\
[containers]
default_ulimits = ["nofile=8192:8192", "nproc=8192:8192"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
lock_type = "file"
events_logger = "file"
tmp_dir = "{folder}/run/engine"
volume_path = "{folder}/volumes"
static_dir = "{folder}/storage/libpod"
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""
STORAGE = """\
[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "{folder}/run/storage"
"""


@dataclass(frozen=True, slots=True)
class Podman:
    """podman on a folder of its own."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What `podman`, and programs that call it, have to be started with."""
        return {
            **os.environ,
            "PATH": f"{os.environ.get('PATH', os.defpath)}:{debian.SBIN}",
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
        }

    def run(self, *words: str, seconds: int = SECONDS, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`podman WORDS`; ImageError with its last words when it fails, unless `check` is off."""
        done = subprocess.run(
            ["podman", *words], env=self.environment, capture_output=True, text=True, check=False, timeout=seconds
        )
        if check and done.returncode != 0:
            raise ImageError(f"`podman {' '.join(words)}` failed: {done.stderr.strip() or done.stdout.strip()}")
        return done

    def has(self, image: str) -> bool:
        return self.run("image", "exists", image, check=False).returncode == 0

    def build(self, targets: Sequence[str], tag: str, say: Say) -> list[str]:
        """Build these targets of the Dockerfile on the tests' base image, and give the images' names."""
        with self._turn():
            base = self.base(say)
            engine = Engine("podman", self.environment, ("--network", "host"))
            names = build(engine, targets, tag, say, base=base)
            self.run("image", "prune", "--force", "--filter", f"until={KEPT}")
            return names

    def save(self, targets: Sequence[str], tag: str, file: Path) -> None:
        """Write images of these targets into one archive as `docker load` and the lab read it."""
        file.unlink(missing_ok=True)
        names = [name_of(target, tag) for target in targets]
        self.run(
            "save", "--quiet", "--format", "docker-archive", "--multi-image-archive", "--output", str(file), *names
        )

    def base(self, say: Say) -> str:
        """The name of the base image, made if it is missing: Debian with Python, as small as a slim image."""
        key = hashlib.sha256(repr((SUITE, IN_BASE, LEFT_OUT)).encode()).hexdigest()[:12]
        name = f"localhost/kanto-test-base:{key}"
        if not self.has(name):
            say(f"making a base image of Debian's {SUITE}: about a minute, once per machine")
            with tempfile.TemporaryDirectory(prefix="kanto-base-") as folder, _in_memory(folder):
                self._make_base(Path(folder, "root"), name)
        return name

    def _make_base(self, root: Path, name: str) -> None:
        words = ["debootstrap", "--variant=minbase", f"--include={','.join(IN_BASE)}", SUITE, str(root), _mirror()]
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, check=False, timeout=SECONDS)
        if done.returncode != 0:
            raise ImageError(f"`{' '.join(words)}` failed: {(done.stderr or done.stdout).strip()[-500:]}")
        _leave_out(root)
        with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
            imported = subprocess.run(
                ["podman", "import", "--quiet", "-", name],
                env=self.environment, stdin=tar.stdout, capture_output=True, text=True, check=False, timeout=SECONDS,
            )  # fmt: skip
        if tar.returncode != 0 or imported.returncode != 0:
            raise ImageError(f"making {name} failed: {imported.stderr.strip()}")

    @contextmanager
    def used(self) -> Iterator[None]:
        """For who runs containers, in namespaces that end with them: one at a time, and nothing runs at the beginning.

        What a run that was killed has left is removed: no container of its can still be alive.
        """
        with (self.folder / "use.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with self._turn():
                shutil.rmtree(self.folder / "run", ignore_errors=True)  # by this podman sees that all has ended
                self._sweep()
            yield

    def _sweep(self) -> None:
        """Remove all containers, volumes and networks; images stay."""
        if containers := self.run("ps", "--all", "--quiet").stdout.split():
            self.run("rm", "--force", "--depend", "--time=1", "--volumes", "--ignore", *containers)
        for kind in ("pod", "volume", "network"):
            self.run(kind, "prune", "--force")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Two that build take turns."""
        with (self.folder / "build.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def podman(say: Say) -> Podman:
    """The tests' own podman, with its packages installed; ImageError that says what is missing."""
    _need(say)
    folder = cache_folder() / "images"
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in {"containers.conf": CONTAINERS, "storage.conf": STORAGE}.items():
        (folder / file).write_text(text.format(folder=folder), encoding="utf-8")
    return Podman(folder)


def _need(say: Say) -> None:
    try:
        debian.require(PACKAGES, say, words=WORDS, missing=[] if os.geteuid() == 0 else ["root"])
    except debian.DebianError as error:
        raise ImageError(str(error)) from error


@contextmanager
def _in_memory(folder: str) -> Iterator[None]:
    """What is in this folder lies in memory: dpkg waits for the disk after each file, which is half of its time."""
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "kanto-base", folder], check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise ImageError(f"{folder} could not be mounted, so images cannot be tested here: {error}") from error
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True, timeout=60)


def _leave_out(root: Path) -> None:
    """Remove LEFT_OUT, and all documents but the licenses."""
    for each in [found for pattern in LEFT_OUT for found in root.glob(pattern)]:
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()
    for each in [*root.joinpath("usr/share/doc").rglob("*")]:
        if each.name != "copyright" and (each.is_symlink() or each.is_file()):
            each.unlink()


def _mirror() -> str:
    """Where apt gets this Debian's packages from."""
    words = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"]
    listed = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60).stdout
    for line in listed.splitlines():
        uri, _, release = line.partition(" ")
        if release == SUITE:
            return uri
    raise ImageError(f"apt's sources name no mirror of Debian's {SUITE}, which the base image is made of")
