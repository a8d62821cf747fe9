"""The objects of one namespace: versions, preconditions, patches, deletion, and what a watch tells of them."""

import copy
import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


class Refused(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, reason: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def missing(plural: str, name: str) -> Refused:
    return Refused(404, "NotFound", f'{plural} "{name}" not found')


def conflict(plural: str, name: str, why: str) -> Refused:
    return Refused(409, "Conflict", f'Operation cannot be fulfilled on {plural} "{name}": {why}')


@dataclass
class Objects:
    """By plural and name. Whoever calls holds `lock`; `changed` is notified of every write."""

    namespace: str
    kept: dict[tuple[str, str], Json] = field(default_factory=dict)
    events: list[tuple[int, str, str, Json]] = field(default_factory=list)
    compacted: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    version: int = 0

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)

    def all(self, plural: str) -> list[Json]:
        return [thing for (kind, _), thing in sorted(self.kept.items(), key=lambda entry: entry[0]) if kind == plural]

    def get(self, plural: str, name: str) -> Json:
        if (plural, name) not in self.kept:
            raise missing(plural, name)
        return self.kept[plural, name]

    def create(self, plural: str, body: Json, *, manager: str = "") -> Json:
        name = body["metadata"]["name"]
        if (plural, name) in self.kept:
            raise Refused(409, "AlreadyExists", f'{plural} "{name}" already exists')
        thing = copy.deepcopy(body)
        thing["metadata"] |= {
            "namespace": self.namespace,
            "uid": f"uid-{next(self.numbers)}",
            "creationTimestamp": now(),
            "generation": 1,
            "manager": manager,
        }
        self._write(plural, thing, "ADDED")
        return thing

    def patch(self, plural: str, name: str, change: Json) -> Json:
        """A JSON merge patch (RFC 7386). `uid` and `resourceVersion` in it are preconditions."""
        thing = self.get(plural, name)
        for mark in ("uid", "resourceVersion"):
            wanted = change.get("metadata", {}).get(mark)
            if wanted is not None and wanted != thing["metadata"][mark]:
                raise conflict(plural, name, f"{mark} is not {wanted}")
        merged = merge(thing, change)
        if merged.get("spec") != thing.get("spec"):
            merged["metadata"]["generation"] = thing["metadata"]["generation"] + 1
        if merged != thing:
            self._write(plural, merged, "MODIFIED")
        return self.get(plural, name)

    def apply(self, plural: str, body: Json, *, manager: str, force: bool) -> Json:
        """What another manager made is a conflict, unless by force. The real one looks at single fields."""
        name = body["metadata"]["name"]
        if (plural, name) not in self.kept:
            return self.create(plural, body, manager=manager)
        if self.kept[plural, name]["metadata"]["manager"] != manager and not force:
            raise conflict(plural, name, "another manager has these fields")
        return self.patch(plural, name, body)

    def set_conditions(self, plural: str, name: str, conditions: list[Json]) -> Json:
        """A strategic merge patch of a status: conditions are merged by their type."""
        known = {c["type"]: c for c in self.get(plural, name).get("status", {}).get("conditions", [])}
        merged = [*(known | {c["type"]: c for c in conditions}).values()]
        return self.patch(plural, name, {"status": {"conditions": merged}})

    def delete(self, plural: str, name: str, *, uid: str | None = None) -> Json:
        """What has a finalizer is only marked."""
        thing = self.get(plural, name)
        if uid is not None and uid != thing["metadata"]["uid"]:
            raise conflict(plural, name, f"uid is not {uid}")
        if not thing["metadata"].get("finalizers"):
            self._gone(plural, thing)
        elif "deletionTimestamp" not in thing["metadata"]:
            self.patch(plural, name, {"metadata": {"deletionTimestamp": now()}})
        return thing

    def release(self, plural: str, name: str) -> None:
        """Take the finalizers off; what was marked is gone then."""
        thing = self.get(plural, name)
        thing["metadata"].pop("finalizers", None)
        if "deletionTimestamp" in thing["metadata"]:
            self._gone(plural, thing)

    def compact(self) -> None:
        """Forget what a watch would go on from."""
        with self.lock:
            self.compacted = self.version
            self.events.clear()

    def _gone(self, plural: str, thing: Json) -> None:
        del self.kept[plural, thing["metadata"]["name"]]
        self._tell(plural, thing, "DELETED")

    def _write(self, plural: str, thing: Json, kind: str) -> None:
        self.kept[plural, thing["metadata"]["name"]] = thing
        self._tell(plural, thing, kind)

    def _tell(self, plural: str, thing: Json, kind: str) -> None:
        self.version += 1
        thing["metadata"]["resourceVersion"] = str(self.version)
        self.events.append((self.version, plural, kind, copy.deepcopy(thing)))
        self.changed.notify_all()


def merge(target: Any, change: Json) -> Json:
    merged: Json = copy.deepcopy(target) if isinstance(target, dict) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value) if isinstance(value, dict) else copy.deepcopy(value)
    return merged


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def is_chosen(thing: Json, labels: str, fields: str) -> bool:
    """Equality selectors, which are all that kanto uses."""
    own = thing["metadata"].get("labels") or {}
    wanted = (part.partition("=") for part in labels.split(",") if part)
    if not all(own.get(name) == value for name, _, value in wanted):
        return False
    asked = (part.partition("=") for part in fields.split(",") if part)
    return all(_field(thing, path) == value for path, _, value in asked)


def _field(thing: Any, path: str) -> Any:
    for name in path.split("."):
        thing = thing.get(name, {}) if isinstance(thing, dict) else {}
    return thing
