"""kanto's calls to the API server, as verbs on kinds of objects.

Plain JSON in and out, since 500 pods cost 6 to 8 ms so, and 30 to 60 ms as the library's models.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import urllib3

from worker.platforms.kubernetes.call import JSON, Call, Caller, Json, away
from worker.platforms.kubernetes.names import MANAGER
from worker.platforms.kubernetes.refusals import Asked, Conflict, Missing, error_of, read_refusal
from worker.platforms.kubernetes.resources import Resource

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Listed:
    """A list as of `version`, from which a watch goes on."""

    items: tuple[Json, ...]
    version: str


class Client:
    """One namespace, seen through one connection pool; may be used from many threads.

    All calls raise TemporaryError for what is away, slow or busy, Conflict and Missing among them, and for a right that
    is missing, named with verb, resource and namespace; PermanentError for what else a person has to mend.
    """

    def __init__(self, caller: Caller, namespace: str) -> None:
        self.namespace = namespace
        self._caller = caller

    def close(self) -> None:
        self._caller.close()

    # looking

    def get(self, resource: Resource, name: str) -> Json | None:
        """None when it is not there."""
        try:
            return self._caller.answer(self._call("get", "GET", resource, name))
        except Missing:
            return None

    def find(self, resource: Resource, *, labels: str = "", fields: str = "") -> Listed:
        """All objects that the selectors choose, complete."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        call = self._call("list", "GET", resource, query={name: value for name, value in query.items() if value})
        found = self._caller.answer(call)
        return Listed(tuple(found.get("items") or ()), str(found["metadata"].get("resourceVersion", "")))

    @contextmanager
    def watch(self, resource: Resource, *, labels: str, version: str, seconds: int) -> Iterator["Watching"]:
        """What happens to these objects after `version`, for at most `seconds`. Expired when that is too long ago."""
        query = {
            "labelSelector": labels,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
        }
        call = self._call("watch", "GET", resource, query=query)
        response = self._caller.send(call, seconds=seconds)
        try:
            if response.status != 200:
                raise error_of(call.asked, read_refusal(response.status, response.read(), response.headers))
            yield Watching(response, call.asked)
        finally:
            response.close()

    # changing

    def create(self, resource: Resource, body: Json) -> Json:
        """Conflict when there is one of that name."""
        call = self._call("create", "POST", resource, body=body, query={"fieldManager": MANAGER})
        return self._caller.answer(call)

    def apply(self, resource: Resource, body: Json, *, force: bool = False) -> Json:
        """Server-side apply: what `body` says is so, what it does not say is left.

        Without `force`, fields that another manager owns with other values are a Conflict and nothing is changed.
        """
        query = {"fieldManager": MANAGER, "force": "true" if force else "false"}
        name = body["metadata"]["name"]
        return self._caller.answer(self._call("patch", "PATCH", resource, name, query=query, body=body, content=APPLY))

    def patch(self, resource: Resource, name: str, body: Json, *, content: str = MERGE, part: str = "") -> Json:
        """Change these fields, or those of `part` (a subresource).

        `metadata.uid` and `metadata.resourceVersion` in `body` are preconditions: Conflict when they do not hold.
        """
        query = {"fieldManager": MANAGER}
        call = self._call("patch", "PATCH", resource, name, part=part, query=query, body=body, content=content)
        return self._caller.answer(call)

    def delete(self, resource: Resource, name: str, uid: str, *, is_trial: bool = False) -> None:
        """Delete this very object, what it owns in the background. Nothing when it is gone or another has its name.

        A trial deletes nothing, and raises what the deletion would (Kubernetes, API concepts, dry-run).
        """
        body: Json = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        if is_trial:
            body["dryRun"] = ["All"]
        try:
            self._caller.answer(self._call("delete", "DELETE", resource, name, body=body))
        except (Missing, Conflict):
            return

    def _call(
        self,
        verb: str,
        method: str,
        resource: Resource,
        name: str = "",
        *,
        part: str = "",
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        content: str = JSON,
    ) -> Call:
        asked = Asked(verb, f"{resource.plural}/{part}" if part else resource.plural, name, self.namespace)
        return Call(asked, method, resource.path(self.namespace, name, part), query or {}, body, content)


class Watching:
    """The answer to one watch, as it comes."""

    def __init__(self, response: Any, asked: Asked) -> None:
        self._response = response
        self._asked = asked

    def events(self) -> Iterator[Json]:
        """Each as the server sends it (`type`, `object`); ends when the server ends it."""
        rest = b""
        try:
            while chunk := self._response.read1():
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (self._read(line) for line in lines if line.strip())
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise away(self._asked, error) from error

    def _read(self, line: bytes) -> Json:
        event: Json = json.loads(line)
        if event.get("type") == "ERROR":
            status = event.get("object") or {}
            code = int(status.get("code") or 500)
            raise error_of(self._asked, read_refusal(code, json.dumps(status).encode(), {}))
        return event

    def cut(self) -> None:
        """End it from another thread: whoever reads has its end at once."""
        self._response.shutdown()
