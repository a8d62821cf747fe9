"""The Platform port over Kubernetes: instances are pods, carried by one of three kinds of workload."""

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from common.cluster import ClusterKey, ClusterSpec, MirrorRecord
from common.errors import KantoError, PermanentError, TemporaryError
from worker.core.observed import Instance, Platformed, Unknown
from worker.platforms.kubernetes import anchor as anchors
from worker.platforms.kubernetes import clearing, credentials, retiring, routing, serving, sight, trouble
from worker.platforms.kubernetes.anchor import Anchor
from worker.platforms.kubernetes.client import Client
from worker.platforms.kubernetes.frame import Frame
from worker.platforms.kubernetes.provision import provision
from worker.platforms.kubernetes.refusals import Conflict
from worker.platforms.kubernetes.resources import SECRETS
from worker.platforms.kubernetes.shape import Shape
from worker.platforms.kubernetes.sight import Sight
from worker.platforms.kubernetes.spawners import spawner as spawners
from worker.platforms.kubernetes.watch import Watcher
from worker.ports import Credentials

TRIES = 4
"""Looks and writes in one call, while others keep writing in between."""

T = TypeVar("T")


class KubernetesPlatform:
    """See `worker.ports.Platform`. All it knows is in Kubernetes, so any number of workers share it.

    Every write begins with a look at the anchor's fencing number; what cannot be taken back names the uid or the
    version that it means (hazards H1, H18).
    """

    def __init__(
        self,
        client: Client,
        shape: Shape,
        *,
        now: Callable[[], float] = time.time,
        token: Callable[[int], str] = secrets.token_hex,
    ) -> None:
        self._client = client
        self._shape = shape
        self._now = now
        self._token = token
        self._lock = threading.Lock()
        self._retiring: set[ClusterKey] = set()

    def watcher(self, *, hold: Callable[[float], bool], on_change: Callable[[ClusterKey], None]) -> Watcher:
        """What makes clusters due when their pods change, in whichever worker holds that role."""
        return Watcher(self._client, hold=hold, on_change=on_change)

    # looking

    def observe(self, spec: ClusterSpec) -> Platformed | Unknown:
        try:
            anchor = anchors.mine(self._client, spec)
            return Platformed(namespace=self._client.namespace) if anchor is None else self._look(spec)
        except PermanentError as error:
            if error.code == "name_taken":
                return Platformed(namespace=self._client.namespace)  # whoever claims the cluster hears of it
            return Unknown(error.detail)
        except KantoError as error:
            return Unknown(error.detail)

    def _look(self, spec: ClusterSpec) -> Platformed:
        seen = sight.see(self._client, spec)
        endpoint = sight.endpoint(seen)
        return Platformed(
            instances=sight.instances(seen),
            # While a cluster is being removed its anchor alone is something that is left of it.
            endpoint=endpoint or "" if spec.deleted else endpoint,
            namespace=self._client.namespace,
            problem="" if spec.deleted else self._problem(seen),
        )

    def _problem(self, seen: Sight) -> str:
        told = trouble.problem(self._client, seen, now=self._now())
        return told or routing.why_not(self._client, seen, now=self._now())

    def credentials(self, spec: ClusterSpec) -> Credentials | Unknown:
        try:
            found = credentials.load(self._client, spec)
        except KantoError as error:
            return Unknown(error.detail)
        return found or Unknown("kanto's login is not made yet")

    def records(self) -> Iterable[MirrorRecord] | Unknown:
        """With each cluster's last fencing number, which may be newer than the one its mirror was written with."""
        try:
            found = [anchors.read(secret) for secret in self._client.find(SECRETS, labels=anchors.EVERY_ANCHOR).items]
            mirrored = [anchor.mirrored() for anchor in found]
        except KantoError as error:
            return Unknown(error.detail)
        return tuple(record for record in mirrored if record is not None)

    # changing

    def claim(self, spec: ClusterSpec, fence: int) -> None:
        _again(lambda: self._claim(spec, fence))

    def _claim(self, spec: ClusterSpec, fence: int) -> None:
        found = anchors.mine(self._client, spec) if spec.deleted else anchors.load(self._client, spec)
        if found is not None and found.is_of(spec):
            anchors.raise_fence(self._client, found, fence)
            return
        if spec.deleted:
            return
        spawners.find(spec.spawner)
        if found is not None:
            self._take_over(found, spec, fence)
        anchors.create(self._client, spec, fence)

    def _take_over(self, found: Anchor, spec: ClusterSpec, fence: int) -> None:
        """Clear what an earlier cluster of this name has left, if its owner had it deleted or it never had data."""
        if found.key != spec.key:
            raise PermanentError(
                "name_taken",
                f"Secret {found.name} is of a cluster of another user, whose name has the same hash",
                action="Choose another cluster_tag",
            )
        anchors.check_fence(found, fence)
        record = found.mirrored()
        former = replace(record.spec if record else spec, incarnation=found.incarnation)
        if not found.is_deleted and sight.instances(sight.see(self._client, former)):
            raise PermanentError(
                "name_taken",
                f"{found.name} still holds data of an earlier cluster of this name, which nobody deleted",
                action=f"Delete Secret {found.name}, which owns them, if they are not needed, or choose another tag",
            )
        anchors.raise_fence(self._client, found, fence)
        if not clearing.clear(self._client, former, found):
            raise TemporaryError("clearing", f"an earlier {found.name} is being cleared away", retry_in=0.5)

    def mirror(self, record: MirrorRecord) -> None:
        _again(lambda: self._mirror(record))

    def _mirror(self, record: MirrorRecord) -> None:
        if record.spec.deleted and anchors.mine(self._client, record.spec) is None:
            return  # removed already: a mirror would make it again
        anchor = anchors.writable(self._client, record.spec, record.fence)
        anchors.keep_record(self._client, anchor, record)

    def provision(self, spec: ClusterSpec, keep: Sequence[str], fence: int) -> None:
        def once() -> None:
            anchor = anchors.writable(self._client, spec, fence)
            frame = Frame(spec, self._shape, anchor.uid)
            provision(self._client, frame, sight.see(self._client, spec), keep, token=self._token)

        _again(once)

    def serve(self, spec: ClusterSpec, names: Sequence[str], fence: int) -> None:
        anchors.writable(self._client, spec, fence)
        at = datetime.fromtimestamp(self._now(), UTC)
        serving.serve(self._client, sight.see(self._client, spec), names, at=at)

    def retire(self, spec: ClusterSpec, instance: Instance, fence: int) -> None:
        with self._alone(spec) as is_alone:
            if not is_alone:
                return
            anchors.writable(self._client, spec, fence)
            with suppress(Conflict):  # somebody changed the workload since this look; there will be another
                retiring.retire(self._client, sight.see(self._client, spec), instance)

    @contextmanager
    def _alone(self, spec: ClusterSpec) -> Iterator[bool]:
        """One retires at a time in a cluster: two would mark each other's pods as the one to go."""
        with self._lock:
            is_alone = spec.key not in self._retiring
            self._retiring.add(spec.key)
        try:
            yield is_alone
        finally:
            if is_alone:
                with self._lock:
                    self._retiring.discard(spec.key)

    def remove(self, spec: ClusterSpec, fence: int) -> None:
        anchor = anchors.mine(self._client, spec)
        if anchor is not None:
            anchors.check_fence(anchor, fence)
            clearing.clear(self._client, spec, anchor)


def _again(attempt: Callable[[], T]) -> T:
    """Look and write anew while somebody else writes in between, a few times."""
    for _ in range(TRIES - 1):
        with suppress(Conflict):
            return attempt()
    return attempt()
