"""Commands inside a lab: in its network, with its DNS and the administrator's kubeconfig, but with our files."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dev.kubernetes.lab import cgroups, kernel
from dev.kubernetes.lab.place import LabError, Place
from dev.kubernetes.lab.processes import find_init

COMMANDS = Path(__file__).resolve().parents[1] / "bin"
"""Where `lab` itself is."""


def init_of(place: Place) -> int:
    """The first process of a lab that is up; LabError when it is not."""
    init = find_init(place)
    if init is None:
        raise LabError(f"no lab is up in {place.folder}: `lab up` makes one")
    return init


def build_environment(place: Place, outer: Mapping[str, str]) -> dict[str, str]:
    """KANTO_LAB says to programs that they are in a lab, LAB_DIR to `lab` in which; it and kubectl are on PATH."""
    return {
        **outer,
        "KANTO_LAB": str(place.folder),
        "LAB_DIR": str(place.folder),
        "KUBECONFIG": str(place.kubeconfig),
        "KUBECACHEDIR": str(place.folder / "kube-cache"),
        "PATH": f"{place.programs}:{COMMANDS}:{outer.get('PATH', os.defpath)}",
    }


def become(place: Place, command: Sequence[str], outer: Mapping[str, str]) -> None:
    """Replace this process by the command, inside the lab. Returns never; LabError when there is no such command."""
    _entrance(place, init_of(place))()
    try:
        os.execvpe(command[0], list(command), build_environment(place, outer))  # noqa: S606
    except OSError as error:
        raise LabError(f"{command[0]}: {error.strerror}") from error


def run(place: Place, command: Sequence[str], outer: Mapping[str, str]) -> int:
    """Run the command inside the lab to its end, and give its exit status."""
    with subprocess.Popen(
        command,
        env=build_environment(place, outer),
        preexec_fn=_entrance(place, init_of(place)),  # noqa: PLW1509  (there are no threads here)
    ) as process:
        try:
            return process.wait()
        except BaseException:
            process.kill()
            raise


def ask(place: Place, *command: str, outer: Mapping[str, str]) -> str | None:
    """What the command prints inside the lab; None when it fails or takes longer than 20 s."""
    try:
        return subprocess.run(
            command,
            env=build_environment(place, outer),
            preexec_fn=_entrance(place, init_of(place)),
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        ).stdout
    except subprocess.SubprocessError:
        return None


def _entrance(place: Place, init: int) -> Callable[[], None]:
    """What a process does to be inside."""

    def enter() -> None:
        cgroups.join_exec(place)
        kernel.enter_network(init)
        kernel.unshare(kernel.NEW_MOUNTS)
        kernel.keep_mounts_to_ourselves()
        kernel.mount(place.folder / "resolv.conf", Path("/etc/resolv.conf").resolve(), flags=kernel.BIND)

    return enter
