"""An instance whose disk is full: it is named, the others go on without it, and it heals once there is room."""

import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import MakeService
from tests.e2e.inside import Inside, seconds_until
from tests.e2e.service import Service, User, wait_until
from tests.e2e.writers import assert_everywhere, names_in, numbered, put_all

TAG = "full"
SIZE = "24m"
"""Of the disk: room for the databases of a young instance, and soon full."""


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of its own in the place of this folder, with what was in it."""
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.mkdir(mode=0o700)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "kanto-test", str(folder)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if made.returncode != 0:
        folder.rmdir()
        aside.rename(folder)
        pytest.skip(f"a small disk cannot be mounted here, which takes root: {made.stderr.strip()}")
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        shutil.rmtree(aside)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], timeout=30, check=True)


def fill(folder: Path) -> Path:
    """A file that takes all the room that is left."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (1024 * 1024, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    return path


@contextmanager
def stopped(service: Service, inside: Inside, name: str) -> Iterator[None]:
    """The instance is dead while the block runs; no worker looks."""
    with ExitStack() as stack:
        for pid in service.processes("-m worker"):
            stack.enter_context(inside.held_still(pid))
        os.kill(inside.pid(name), signal.SIGKILL)
        yield


def takes(client: httpx.Client, name: str) -> bool:
    try:
        return client.put(f"/test/{name}", json={"text": "x" * 2000}, timeout=5).status_code in (201, 202)
    except httpx.TransportError:
        return False


def answers(client: httpx.Client) -> bool:
    """Whether it is there and was asked for a database, of which it may not be able to open the files."""
    try:
        return client.get("/test", timeout=5).status_code > 0
    except httpx.TransportError:
        return False


def told_of(user: User, name: str) -> list[str]:
    """What detail says of this instance."""
    found = [reason["text"] for reason in user.detail(TAG)["Reasons"] if name in reason["text"]]
    if found:
        print(f"told: {found}")
    return found


@pytest.mark.parametrize("dies", [False, True], ids=["goes on", "dies meanwhile"])
def test_an_instance_with_a_full_disk_is_named_and_heals_when_there_is_room(
    make_service: MakeService, *, dies: bool
) -> None:
    service = make_service(KANTO_BRIDGE_AFTER="6", KANTO_UPKEEP_INTERVAL="2")
    user, inside = service.user("fred"), Inside(service)
    made = user.result("create", cluster_tag=TAG, replicas=3)
    put_all(user.couch(made["Endpoint"]), "test", numbered(50))
    assert_everywhere(user, TAG, {f"doc{n}" for n in range(50)})
    victim = made["Instances"][1]
    first, second, third = (user.couch(one["Url"]) for one in made["Instances"])
    data = inside.folder(victim["Name"]) / "data" / "couchdb"
    with ExitStack() as stack:
        with stopped(service, inside, victim["Name"]):
            stack.enter_context(small_disk(data))
        stack.callback(kill, inside, victim["Name"])  # what is mounted is let go of
        wait_until("the instance to be back", lambda: takes(second, "before"))
        user.ready(TAG)

        filler = fill(data)
        put_all(first, "test", numbered(300, prefix="late"))
        assert {f"late{n}" for n in range(300)} <= names_in(first, "test"), "the others take what is written"
        seconds_until("the full disk to be told", lambda: told_of(user, victim["Name"]))
        assert user.detail(TAG)["Status"] == "degraded"
        assert user.result("list")[0]["Lag"] != 0, "what waits is told, or that it is not known"

        if dies:
            kill(inside, victim["Name"])
            wait_until("it to be back, with nowhere to write", lambda: answers(second))
        filler.unlink()
        put_all(third, "test", numbered(1, prefix="after"))
        seconds_until("the cluster to be whole again by itself", lambda: is_ready(user))
        assert_everywhere(user, TAG, {f"late{n}" for n in range(300)} | {"before", "after0"})


def is_ready(user: User) -> bool:
    """What keeps it from being ready is told to whoever reads the output."""
    detail = user.detail(TAG)
    print(f"{detail['Status']}: {[reason['text'] for reason in detail['Reasons']]}")
    return bool(detail["Status"] == "ready")


def kill(inside: Inside, name: str) -> None:
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(inside.pid(name), signal.SIGKILL)
