"""Brings a lab up, and takes it down, from whatever state it is in."""

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from dev.kubernetes.lab import cgroups, configuration, init, inside, spawn
from dev.kubernetes.lab.build import Cache, Say
from dev.kubernetes.lab.images import archive, content, store
from dev.kubernetes.lab.place import NODE, LabError, Place
from dev.kubernetes.lab.processes import find_init, note_init

PATIENCE = 180.0
"""Seconds for a whole start; it takes 6 where nothing else runs."""

READY = "jsonpath={.status.conditions[?(@.type=='Ready')].status}"


def is_up(place: Place) -> bool:
    """Whether an `up` came to its end and the lab's first process lives."""
    return place.finished.exists() and find_init(place) is not None


def up(place: Place, images: Iterable[Path], *, outer: Mapping[str, str], say: Say) -> None:
    """A fresh cluster that answers, with these images. What was left of another one in this folder goes first.

    LabError when it does not come up; then it is left as it is, for its logs, until `down` or the next `up`.
    """
    if is_up(place):
        raise LabError(f"a lab is up in {place.folder} already")
    started = time.monotonic()
    down(place)
    place.folder.mkdir(parents=True, exist_ok=True)
    place.marker.touch()
    configuration.write_all(place)
    archive.write(content.pause(place.programs / "pause"), place.folder / "pause.tar")
    groups = list(cgroups.hierarchies())
    note_init(place, spawn.spawn(place, lambda: init.run(place, groups)))
    for what, is_done in _milestones(place, list(images), outer):
        _wait_for(what, is_done, place, started + PATIENCE)
        say(f"{time.monotonic() - started:5.1f} s  {what}")
    place.finished.touch()


def wait_for_api_server(place: Place, *, outer: Mapping[str, str]) -> None:
    """Until it answers again; LabError when it does not within three minutes."""
    what, is_done = next(iter(_milestones(place, [], outer)))
    _wait_for(what, is_done, place, time.monotonic() + PATIENCE)


def down(place: Place) -> None:
    """End every process of the lab and remove every trace; done already, or half done, it does the rest."""
    if place.folder.exists() and not place.marker.exists() and any(place.folder.iterdir()):
        raise LabError(f"{place.folder} is not empty and no lab's folder: set LAB_DIR to another")
    cgroups.remove(place)
    if not place.folder.exists():
        return
    for path in place.folder.iterdir():
        if path == place.marker:
            continue  # the last to go, so that a `down` that is cut short is known for one
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    place.marker.unlink(missing_ok=True)
    place.folder.rmdir()


def make_image(cache: Cache, image: archive.Image) -> Path:
    """The archive of an image, made if these files have not been put into one before."""
    target = cache.image(image.fingerprint())
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        archive.write(image, target)
    return target


def _milestones(place: Place, images: list[Path], outer: Mapping[str, str]) -> Iterable[tuple[str, Callable[[], bool]]]:
    def kubectl(*words: str) -> str | None:
        return inside.ask(place, "kubectl", *words, outer=outer)

    objects = str(place.folder / "objects.json")
    name = "kubernetes.default.svc.cluster.local"
    yield "API server", lambda: kubectl("get", "--raw", "/readyz") == "ok"
    yield "images", lambda: _load(place, images)
    yield "first objects", lambda: kubectl("apply", "--server-side", "-f", objects) is not None
    yield "node", lambda: kubectl("get", "node", NODE, "-o", READY) == "True"
    yield "default service account", lambda: kubectl("get", "serviceaccount", "default") is not None
    yield "DNS", lambda: inside.ask(place, "getent", "hosts", name, outer=outer) is not None


def _load(place: Place, images: list[Path]) -> bool:
    store.load_from_outside(inside.init_of(place), images)
    return True


def _wait_for(what: str, is_done: Callable[[], bool], place: Place, deadline: float) -> None:
    while not is_done():
        if find_init(place) is None:
            raise LabError(f"the lab's first process ended, see {place.logs / 'lab.log'}")
        if time.monotonic() > deadline:
            raise LabError(f"no {what} after {PATIENCE:.0f} s, see the logs in {place.logs}")
        time.sleep(0.2)
