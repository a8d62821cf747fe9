"""Makes a cluster due as soon as one of its pods changes. If it dies, upkeep does the same, later.

One watch for all clusters, in the one worker that has the role. Lists, then watches from there in short turns; lists
anew when the server says that it no longer knows the version (410), and after any error, with growing pauses. The
library's informer is not used: its watch has no timeout of its own, and it comes back without a pause after errors
other than 410.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from common.cluster import ClusterKey
from common.errors import KantoError
from common.log import get
from worker.platforms.kubernetes import names, reasons
from worker.platforms.kubernetes.call import Json
from worker.platforms.kubernetes.client import Client, Watching
from worker.platforms.kubernetes.resources import PODS

ALL_PODS = f"{names.MANAGED_BY}={names.MANAGER}"

ROLE_SECONDS = 30.0
TURN_SECONDS = 10
"""A watch is ended and begun again so often, which keeps the role and notices a connection that is dead."""

ASK_SECONDS = 5.0
"""How often a worker that does not have the role asks for it."""

LONGEST_PAUSE = 30.0

log = get(__name__)


@dataclass(frozen=True, slots=True)
class Glance:
    """What of a pod a step would act on. What kanto sets itself is not in it, nor are times and versions."""

    key: ClusterKey | None
    address: str
    is_running: bool
    has_started: bool
    is_ending: bool
    reason: str


def glance(pod: Json) -> Glance:
    metadata, status = pod["metadata"], pod.get("status", {})
    user = (metadata.get("annotations") or {}).get(names.EXACT_USER)
    tag = (metadata.get("labels") or {}).get(names.TAG)
    return Glance(
        key=ClusterKey(user, tag) if user and tag else None,
        address=status.get("podIP") or "",
        is_running=reasons.is_running(pod),
        has_started=any(c.get("type") == "ContainersReady" and c.get("status") == "True" for c in _conditions(status)),
        is_ending="deletionTimestamp" in metadata,
        reason=reasons.of_pod(pod),
    )


def _conditions(status: Mapping[str, list[Json]]) -> list[Json]:
    return status.get("conditions") or []


class Watcher:
    """One thread. `hold(ttl)` says whether this worker has the role.

    `on_change` gets the key of a cluster that changed; it must not raise and must not take long.
    """

    def __init__(
        self,
        client: Client,
        *,
        hold: Callable[[float], bool],
        on_change: Callable[[ClusterKey], None],
        turn_seconds: int = TURN_SECONDS,
        ask_seconds: float = ASK_SECONDS,
    ) -> None:
        self._client = client
        self._hold = hold
        self._on_change = on_change
        self._turn_seconds = turn_seconds
        self._ask_seconds = ask_seconds
        self._known: dict[str, Glance] = {}
        self._version = ""
        self._failures = 0
        self._watching: Watching | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and give the role back."""
        self._stopped.set()
        watching = self._watching
        if watching is not None:
            watching.cut()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._stopped.wait(self.turn())
        try:
            self._hold(0.0)
        except KantoError as error:
            log.warning("role_not_given_back", code=error.code, error=error.detail)

    def turn(self) -> float:
        """One turn of the watch, if this worker has the role; the seconds until the next."""
        try:
            if not self._hold(ROLE_SECONDS):
                self._version = ""
                return self._ask_seconds
            if not self._version:
                self._list()
            self._watch()
        except KantoError as error:
            log.info("watch_begins_anew", code=error.code, error=error.message)
            return self._failed()
        except Exception:
            log.exception("watch_broke")
            return self._failed()
        self._failures = 0
        return 0.0

    def _failed(self) -> float:
        self._version = ""
        self._failures += 1
        return float(min(0.25 * 2 ** min(self._failures, 7), LONGEST_PAUSE))

    def _list(self) -> None:
        """What is there now; whatever differs from what was known has changed meanwhile."""
        listed = self._client.find(PODS, labels=ALL_PODS)
        found = {pod["metadata"]["uid"]: glance(pod) for pod in listed.items}
        before, self._known = self._known, found
        for uid in before.keys() | found.keys():
            if before.get(uid) != found.get(uid):
                self._tell(found.get(uid) or before[uid])
        self._version = listed.version

    def _watch(self) -> None:
        with self._client.watch(PODS, labels=ALL_PODS, version=self._version, seconds=self._turn_seconds) as watching:
            self._watching = watching
            if self._stopped.is_set():
                return
            try:
                for event in watching.events():
                    self._take(event)
            finally:
                self._watching = None

    def _take(self, event: Json) -> None:
        pod = event["object"]
        self._version = pod["metadata"]["resourceVersion"]
        if event["type"] == "BOOKMARK":
            return
        uid, seen = pod["metadata"]["uid"], glance(pod)
        before = self._known.pop(uid, None)
        if event["type"] == "DELETED":
            self._tell(seen)
            return
        self._known[uid] = seen
        if seen != before:
            self._tell(seen)

    def _tell(self, seen: Glance) -> None:
        if seen.key is not None:
            self._on_change(seen.key)
