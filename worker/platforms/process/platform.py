"""The Platform port over local processes: each instance a detached process with a folder and a port of its own."""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

from common.cluster import ClusterSpec, MirrorRecord
from common.errors import KantoError, LeaseLost, PermanentError, TemporaryError
from common.names import instance_name
from common.settings import Settings
from worker.core.observed import Instance, Platformed, Unknown
from worker.platforms.mirror import is_news
from worker.platforms.process import anchor as anchors
from worker.platforms.process import cluster, endpoint, files, lock, login, program, running
from worker.platforms.process.anchor import Anchor
from worker.platforms.process.cluster import Means
from worker.platforms.process.identity import Identity
from worker.platforms.process.launcher import Launcher, LocalLauncher
from worker.platforms.process.layout import ClusterPlace, HomePlace
from worker.platforms.process.network import Network
from worker.platforms.process.program import Program
from worker.ports import Credentials


class ProcessPlatform:
    """See `worker.ports.Platform`. All it knows is in files below `home`, so any number of workers share it.

    Every write holds the cluster's lock for its whole effect and looks at the fencing number under it (hazards H18).
    """

    def __init__(
        self,
        home: Path,
        *,
        network: Network,
        ports: range,
        grace: float,
        find_program: Callable[[], Program],
        launcher: Launcher | None = None,
        now: Callable[[], float] = time.time,
        token: Callable[[int], str] = secrets.token_hex,
    ) -> None:
        self._home = HomePlace.of(home)
        self._means = Means(
            home=self._home,
            network=network,
            ports=ports,
            grace=grace,
            find_program=cache(find_program),
            launcher=launcher or LocalLauncher(),
            now=now,
            token=token,
        )

    @classmethod
    def from_settings(cls, settings: Settings) -> "ProcessPlatform":
        return cls(
            settings.home,
            network=Network(settings.instance_bind, settings.advertise, settings.instance_host),
            ports=settings.port_range,
            grace=settings.grace,
            find_program=lambda: program.find(settings.couchdb),
        )

    @property
    def means(self) -> Means:
        """What it works with; the keeper works with the same."""
        return self._means

    # looking

    def observe(self, spec: ClusterSpec) -> Platformed | Unknown:
        """No network and no lock: a few small files and /proc."""
        place = self._home.cluster(spec)
        try:
            anchor = self._mine(place, spec)
            return Platformed() if anchor is None else self._look(place, anchor)
        except (OSError, ValueError, KeyError, TypeError) as error:
            return Unknown(f"the folder of {place.name} cannot be read: {error}")
        except KantoError as error:
            return Unknown(f"the folder of {place.name} cannot be read: {error.message}")

    def _mine(self, place: ClusterPlace, spec: ClusterSpec) -> Anchor | None:
        found = anchors.load(place.anchor)
        return found if found is not None and found.is_of(spec) else None

    def _look(self, place: ClusterPlace, anchor: Anchor) -> Platformed:
        facing = endpoint.load(place.endpoint)
        serving = frozenset() if facing is None else frozenset(facing.serving)
        has_endpoint = anchor.port is not None and facing is not None
        problems = [f"{place.instances / str(n)} is damaged or a copy of another" for n in cluster.strays(place)]
        if has_endpoint and self._means.launcher.look(place.balancer) is None:
            why = running.why_down(place.balancer, now=self._means.now())
            problems.insert(0, f"the endpoint's balancer is down: {why}")
        return Platformed(
            instances=tuple(self._instance(place, known, serving) for known in cluster.instances(place)),
            endpoint=self._means.network.shown(anchor.port) if anchor.port is not None and has_endpoint else None,
            problem="; ".join(problems),
        )

    def _instance(self, place: ClusterPlace, known: Identity, serving: frozenset[str]) -> Instance:
        folder = place.instance(known.ordinal).folder
        name = instance_name(place.name, known.ordinal)
        is_running = self._means.launcher.look(folder) is not None
        return Instance(
            name=name,
            identity=known.uuid,
            address=self._means.network.address(known.port),
            url=self._means.network.shown(known.port),
            phase="running" if is_running else "down",
            serving=name in serving,
            reason="" if is_running else running.why_down(folder, now=self._means.now()),
        )

    def credentials(self, spec: ClusterSpec) -> Credentials | Unknown:
        place = self._home.cluster(spec)
        try:
            found = login.load(place.credentials) if self._mine(place, spec) is not None else None
        except OSError as error:
            return Unknown(f"{place.credentials} cannot be read: {error.strerror}")
        except KantoError as error:
            return Unknown(error.message)
        if found is None:
            return Unknown("kanto's login is not made yet")
        return Credentials(found.name, found.password)

    def records(self) -> Iterable[MirrorRecord] | Unknown:
        """With each cluster's last fencing number, which may be newer than the one its mirror was written with."""
        try:
            found = [(place, anchors.load(place.anchor)) for place in self._home.clusters()]
        except OSError as error:
            return Unknown(f"{self._home.folder} cannot be read: {error}")
        except KantoError as error:
            return Unknown(error.message)
        orphans = [place.name for place, anchor in found if anchor is None and place.ordinals()]
        if orphans:
            return Unknown(f"there are instances without an anchor.json beside them: {', '.join(orphans)}")
        return tuple(replace(a.record, fence=a.fence) for _, a in found if a is not None and a.record is not None)

    # changing

    def claim(self, spec: ClusterSpec, fence: int) -> None:
        with self._locked(self._home.cluster(spec)) as place:
            found = anchors.load(place.anchor)
            if found is not None and not found.is_of(spec):
                if spec.deleted:
                    return
                self._take_over(place, found, spec, fence)
                found = None
            if found is None:
                if spec.deleted:
                    return
                _check_fence(fence, cluster.last_fence(place), place)
                files.make_folder(place.instances)
                found = Anchor(spec.user, spec.tag, spec.incarnation, fence)
            _check_fence(fence, found.fence, place)
            anchors.save(place.anchor, replace(found, fence=fence))

    def _take_over(self, place: ClusterPlace, found: Anchor, spec: ClusterSpec, fence: int) -> None:
        """Clear what an earlier cluster of this name has left, if its owner had it deleted or it never had data."""
        if found.key != spec.key:
            raise PermanentError(
                "name_taken",
                f"{place.name} is the name of a cluster of another user, whose name has the same hash",
                action="Choose another cluster_tag",
            )
        _check_fence(fence, found.fence, place)
        if place.ordinals() and not found.is_deleted:
            raise PermanentError(
                "name_taken",
                f"{place.folder} still holds data of an earlier cluster of this name, which nobody deleted",
                action="Move that folder away if its data are not needed, or choose another cluster_tag",
            )
        cluster.remove(self._means, place, fence)

    def mirror(self, record: MirrorRecord) -> None:
        if record.spec.deleted and self._mine(self._home.cluster(record.spec), record.spec) is None:
            return  # removed already: a mirror would make it again
        with self._writing(record.spec, record.fence) as (place, anchor):
            if is_news(anchor.record, record):
                anchors.save(place.anchor, replace(anchor, record=record))

    def provision(self, spec: ClusterSpec, keep: Sequence[str], fence: int) -> None:  # noqa: ARG002
        """`keep` needs no more than is done anyway: every instance that is there is kept and started."""
        with self._writing(spec, fence) as (place, anchor):
            cluster.provision(self._means, place, anchor, spec)

    def serve(self, spec: ClusterSpec, names: Sequence[str], fence: int) -> None:
        with self._writing(spec, fence) as (place, anchor):
            cluster.write_endpoint(self._means, place, anchor, names)

    def retire(self, spec: ClusterSpec, instance: Instance, fence: int) -> None:
        with self._writing(spec, fence) as (place, anchor):
            for known in cluster.instances(place):
                name = instance_name(place.name, known.ordinal)
                if known.uuid == instance.identity and name == instance.name:
                    cluster.retire(self._means, place, anchor, known.ordinal)
        files.sweep(self._home.aside)

    def remove(self, spec: ClusterSpec, fence: int) -> None:
        with self._locked(self._home.cluster(spec)) as place:
            found = anchors.load(place.anchor)
            if found is not None and found.is_of(spec):
                _check_fence(fence, found.fence, place)
                cluster.remove(self._means, place, fence)
            elif found is None and place.folder.exists() and _is_rest_of(place, spec):
                cluster.remove(self._means, place, fence)
        files.sweep(self._home.aside)

    def revive(self, place: ClusterPlace) -> None:
        """The balancer of a cluster that is to have one runs again. No fencing number: nothing else changes."""
        with self._locked(place):
            anchor = anchors.load(place.anchor)
            if anchor is not None and anchor.port is not None and not anchor.is_deleted:
                cluster.revive(self._means, place, anchor)

    @contextmanager
    def _locked(self, place: ClusterPlace) -> Iterator[ClusterPlace]:
        """The cluster's folder, for us alone. What the system refuses is tried again."""
        try:
            files.make_folder(self._home.locks)
            with lock.hold(place.lock):
                yield place
        except OSError as error:
            raise TemporaryError("platform_io", f"the folder of {place.name} cannot be used: {error}") from error

    @contextmanager
    def _writing(self, spec: ClusterSpec, fence: int) -> Iterator[tuple[ClusterPlace, Anchor]]:
        """The folder and its anchor, once it is sure that nobody has claimed the cluster since."""
        with self._locked(self._home.cluster(spec)) as place:
            anchor = self._mine(place, spec)
            if anchor is None:
                raise LeaseLost(f"{place.name} was not claimed, or has been removed since")
            _check_fence(fence, anchor.fence, place)
            yield place, anchor


def _is_rest_of(place: ClusterPlace, spec: ClusterSpec) -> bool:
    """Whether what lies in a folder without an anchor is this cluster's, as far as it is anybody's."""
    return all(known.incarnation == spec.incarnation for known in cluster.instances(place))


def _check_fence(fence: int, highest: int, place: ClusterPlace) -> None:
    if fence < highest:
        raise LeaseLost(f"{place.name} was claimed with {highest}, after {fence}")
