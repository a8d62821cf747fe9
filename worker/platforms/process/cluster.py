"""One cluster's folder: making and starting what a spec needs, and taking it away. Its lock is held by the caller."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from common.cluster import ClusterSpec
from common.errors import KantoError, PermanentError, TemporaryError
from common.names import instance_name
from worker.platforms import ini
from worker.platforms.login import Login
from worker.platforms.process import anchor as anchors
from worker.platforms.process import endpoint, files, identity, lock, login, ports, running
from worker.platforms.process.anchor import Anchor
from worker.platforms.process.endpoint import Endpoint
from worker.platforms.process.identity import Identity
from worker.platforms.process.launcher import Launch, Launcher
from worker.platforms.process.layout import ClusterPlace, HomePlace
from worker.platforms.process.network import Network
from worker.platforms.process.program import KANTO_INI, SERVER_INI, Program
from worker.platforms.process.running import Part

BALANCER_PAUSE = 0.5
"""Seconds between two starts of a balancer, however often it died: without it there is no cluster for anybody."""

KILL_PATIENCE = 2.0
"""Seconds for a killed process to be gone."""


@dataclass(frozen=True, slots=True)
class Means:
    """What the process platform works with. `token(n)` gives n random bytes as hex, `now` Unix seconds."""

    home: HomePlace
    network: Network
    ports: range
    grace: float
    find_program: Callable[[], Program]
    launcher: Launcher
    now: Callable[[], float]
    token: Callable[[int], str]


def provision(means: Means, place: ClusterPlace, anchor: Anchor, spec: ClusterSpec) -> None:
    """Endpoint, credentials and instances exist and run, as far as they may be started now. Removes nothing."""
    have = instances(place)
    missing = _free_ordinals(place.ordinals(), count=max(0, spec.replicas - len(have)))
    own = _ensure_login(means, place, has_data=bool(have))
    if anchor.port is None or missing:
        anchor = _make(means, place, anchor, missing)
        have = instances(place)
    balancer = _balancer(place, anchor)
    _refresh_endpoint(means, place, anchor, have)
    prepare = partial(_prepare, means, place, admins={own.name: own.line, spec.admin_name: spec.admin_line})
    parts = [Part(place.instance(i.ordinal).folder, i.port, partial(prepare, i, secret=own.secret)) for i in have]
    running.ensure_running([*balancer, *parts], launcher=means.launcher, bind=means.network.bind, now=means.now())
    means.home.changed.touch(mode=0o600)


def revive(means: Means, place: ClusterPlace, anchor: Anchor) -> None:
    """The balancer of a cluster that has an endpoint runs again."""
    if endpoint.load(place.endpoint) is None:
        return  # one that is just being made
    _refresh_endpoint(means, place, anchor, instances(place))
    running.ensure_running(_balancer(place, anchor), launcher=means.launcher, bind=means.network.bind, now=means.now())


def instances(place: ClusterPlace) -> tuple[Identity, ...]:
    """Those that are there, by ordinal. A folder that is the copy of another is none."""
    found = ((ordinal, identity.load(place.instance(ordinal))) for ordinal in place.ordinals())
    return tuple(known for ordinal, known in found if known is not None and known.ordinal == ordinal)


def strays(place: ClusterPlace) -> tuple[int, ...]:
    """Folders that hold no instance although they are named like one: damaged, or copied from another."""
    known = {i.ordinal for i in instances(place)}
    return tuple(ordinal for ordinal in place.ordinals() if ordinal not in known)


def write_endpoint(means: Means, place: ClusterPlace, anchor: Anchor, names: Sequence[str]) -> None:
    """Exactly these of the instances that are there get the endpoint's traffic."""
    endpoint.save(place.endpoint, _build_endpoint(means, place, anchor, names))
    means.launcher.nudge(place.balancer)


def _build_endpoint(means: Means, place: ClusterPlace, anchor: Anchor, names: Sequence[str]) -> Endpoint:
    if anchor.port is None:
        raise TemporaryError("no_endpoint", f"{place.name} has no endpoint yet")
    serving = {name: i.port for i in instances(place) if (name := instance_name(place.name, i.ordinal)) in names}
    return Endpoint(means.network.bind, anchor.port, means.grace, means.network.beside, serving)


def _refresh_endpoint(means: Means, place: ClusterPlace, anchor: Anchor, have: Sequence[Identity]) -> None:
    """The endpoint's file is there and as settings say now; an instance with other data has no traffic (hazards H5)."""
    current = endpoint.load(place.endpoint)
    serving = () if current is None else current.serving.keys()
    own = [i for i in have if identity.has_its_data(place.instance(i.ordinal), i)]
    names = [name for i in own if (name := instance_name(place.name, i.ordinal)) in serving]
    if current != _build_endpoint(means, place, anchor, names):
        write_endpoint(means, place, anchor, names)


def retire(means: Means, place: ClusterPlace, anchor: Anchor, ordinal: int) -> None:
    """End one instance and set its folder aside, out of the endpoint first. Its port is free then."""
    current = endpoint.load(place.endpoint)
    if current is not None:
        gone = instance_name(place.name, ordinal)
        write_endpoint(means, place, anchor, [name for name in current.serving if name != gone])
    folder = place.instance(ordinal).folder
    _kill(means, [folder])
    files.set_aside(folder, means.home.aside)
    means.home.changed.touch(mode=0o600)


def remove(means: Means, place: ClusterPlace, fence: int) -> None:
    """End every process of the cluster, then take all of it away in one stroke.

    The fencing number stays in the lock file, so that nothing of an earlier worker makes anything again (hazards H18).
    """
    _kill(means, [place.balancer, *(place.instance(ordinal).folder for ordinal in place.ordinals())])
    place.lock.write_text(str(fence), encoding="ascii")
    files.set_aside(place.folder, means.home.aside)
    means.home.changed.touch(mode=0o600)


def last_fence(place: ClusterPlace) -> int:
    """The fencing number under which a cluster of this name was last removed; 0 when none was."""
    text = (files.read(place.lock) or "").strip()
    return int(text) if text.isdecimal() else 0


def _kill(means: Means, folders: Sequence[Path]) -> None:
    """Outright: what these processes hold is to go, so there is nothing for them to put in order."""
    left = means.launcher.stop(folders, patience=KILL_PATIENCE)
    if left:
        names = ", ".join(str(folder) for folder in left)
        raise TemporaryError("process_remains", f"processes do not end although they were killed: {names}")


def _free_ordinals(taken: Sequence[int], *, count: int) -> list[int]:
    return [n for n in range(len(taken) + count) if n not in taken][:count]


def _ensure_login(means: Means, place: ClusterPlace, *, has_data: bool) -> Login:
    if has_data and login.load(place.credentials) is None:
        raise PermanentError(
            "credentials_lost",
            f"{place.credentials} is missing, although {place.name} has data: kanto cannot log in there",
            action="Put the file back from a copy; kanto never makes a second one",
        )
    return login.ensure(place.credentials, token=means.token)


def _make(means: Means, place: ClusterPlace, anchor: Anchor, ordinals: Sequence[int]) -> Anchor:
    """The endpoint's port and new instances, with ports that no other cluster of this home has."""
    with lock.hold(means.home.port_lock):
        found = _choose_ports(means, count=len(ordinals) + (anchor.port is None))
        if anchor.port is None:
            anchor = replace(anchor, port=found.pop(0))
            anchors.save(place.anchor, anchor)
        for rest in place.instances.glob(f"{identity.DRAFT}*"):
            files.set_aside(rest, means.home.aside)
        for ordinal, port in zip(ordinals, found, strict=True):
            identity.make(place, Identity(ordinal, anchor.incarnation, means.token(16), port))
    return anchor


def _choose_ports(means: Means, *, count: int) -> list[int]:
    """On from where the last search ended, so that a port that has become free has a new owner as late as can be."""
    text = files.read(means.home.port_lock) or ""
    after = int(text) + 1 if text.isdecimal() else 0
    found = ports.choose(
        means.ports,
        first=after if after in means.ports else ports.first_choice(means.home.folder, means.ports),
        taken=_taken_ports(means.home),
        count=count,
        is_free=lambda port: ports.why_not(means.network.bind, port) is None,
    )
    means.home.port_lock.write_text(str(found[-1]), encoding="ascii")
    return found


def _taken_ports(home: HomePlace) -> set[int]:
    """Every port that this home has given out, to what runs and to what does not."""
    taken = set()
    for place in home.clusters():
        with suppress(KantoError):  # a cluster that cannot be read is no reason to make no other
            found = anchors.load(place.anchor)
            taken |= {found.port} if found is not None and found.port is not None else set()
            taken |= {known.port for known in instances(place)}
    return taken


def _balancer(place: ClusterPlace, anchor: Anchor) -> list[Part]:
    if anchor.port is None:
        return []
    files.make_folder(place.balancer)
    return [Part(place.balancer, anchor.port, partial(endpoint.build_launch, place), BALANCER_PAUSE)]


def _prepare(means: Means, place: ClusterPlace, known: Identity, *, admins: Mapping[str, str], secret: str) -> Launch:
    """Write what an instance's server reads, and say how it is started."""
    here, program = place.instance(known.ordinal), means.find_program()
    known = identity.ensure_data(here, known, token=means.token)
    settings = ini.build_ini(
        uuid=known.uuid,
        secret=secret,
        admins=admins,
        port=known.port,
        bind=means.network.bind,
        data=here.data / "couchdb",
    )
    files.note(here.settings / KANTO_INI, ini.render(settings, last=SERVER_INI))
    (here.settings / SERVER_INI).touch(mode=0o600)  # CouchDB does not start without it; its text is the server's
    for path, text in program.files(here, known.uuid, token=means.token).items():
        files.create(path, text)
    return program.build_launch(here)
