"""The first process of a lab: its mounts, its network, its parts."""

import os
import socket
import ssl
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from dev.kubernetes.lab import kernel, network
from dev.kubernetes.lab.images import store
from dev.kubernetes.lab.parts import build_commands
from dev.kubernetes.lab.place import NODE, SERVER, LabError, Place
from dev.kubernetes.lab.supervisor import Supervisor

SYSCTLS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}
"""What the kubelet wants. It is shown files with these values, lest it set the machine's own."""

PATIENCE = 60.0
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(place: Place, hierarchies: Sequence[str]) -> None:
    """Never returns, but for an error; the caller has made the namespaces."""
    _mount_all(place, hierarchies)
    network.make()
    kernel.set_host_name(NODE)
    control = _listen(place)
    supervisor = Supervisor(build_commands(place), logs=place.logs, environment=_environment(place))
    for name in build_commands(place):
        supervisor.start(name)
        if name == "containerd":
            store.wait()
            store.load([place.folder / "pause.tar"])
        if name == "kube-apiserver":
            _wait_for_api_server(place)
    supervisor.run(control)


def _environment(place: Place) -> dict[str, str]:
    return {"PATH": f"{place.programs}:{SEARCH_PATH}", "HOME": "/root", "GOGC": "50"}


def _listen(place: Place) -> socket.socket:
    """By a short name, since the path of a socket has 107 characters at most (unix(7))."""
    os.chdir(place.folder)
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    control.bind(place.control.name)
    control.listen()
    os.chdir("/")
    return control


def _mount_all(place: Place, hierarchies: Sequence[str]) -> None:
    kernel.keep_mounts_to_ourselves()
    kernel.mount("proc", "/proc", "proc")
    kernel.mount("sysfs", "/sys", "sysfs")
    _mount_cgroups(hierarchies)
    kernel.mount("tmpfs", "/run", "tmpfs", data="mode=755")
    var = place.folder / "var"
    kernel.mount("overlay", "/var", "overlay", data=f"lowerdir=/var,upperdir={var}/upper,workdir={var}/work")
    kernel.mount(place.folder / "node-resolv.conf", Path("/etc/resolv.conf").resolve(), flags=kernel.BIND)
    kubelet = Path("/var/lib/kubelet")
    kubelet.mkdir(parents=True, exist_ok=True)
    kernel.mount(place.folder / "kubelet", kubelet, flags=kernel.BIND)
    kernel.mount("none", kubelet, flags=kernel.SHARED)
    _mount_sysctls(place.folder / "sysctl")


def _mount_cgroups(hierarchies: Sequence[str]) -> None:
    root = Path("/sys/fs/cgroup")
    kernel.mount("tmpfs", root, "tmpfs", data="mode=755")
    for controllers in hierarchies:
        folder = root / controllers.removeprefix("name=")
        folder.mkdir()
        kernel.mount("cgroup", folder, "cgroup", data=f"none,{controllers}" if "name=" in controllers else controllers)


def _mount_sysctls(folder: Path) -> None:
    folder.mkdir()
    for name, value in SYSCTLS.items():
        shown = folder / name.replace("/", ".")
        shown.write_text(f"{value}\n", encoding="utf-8")
        kernel.mount(shown, f"/proc/sys/{name}", flags=kernel.BIND)
    for name in ("net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables"):  # of this network namespace only
        Path("/proc/sys", name).write_text("1", encoding="utf-8")


def _wait_for_api_server(place: Place) -> None:
    """Controllers that start earlier lose seconds to retries, or end."""
    trusted = ssl.create_default_context(cafile=str(place.folder / "pki" / "ca.crt"))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{SERVER}/readyz", context=trusted, timeout=2) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise LabError(f"the API server is not ready after {PATIENCE:.0f} s, see {place.logs}/kube-apiserver.log")
