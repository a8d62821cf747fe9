"""What some accounts asked the API server for, by the server's own audit log."""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

Right = tuple[str, str, str]
"""API group, resource with its subresource, verb: as a Role names them."""


class Audit:
    """The log as it is when it is asked. `place` marks where a later count begins."""

    def __init__(self, log: Path, accounts: Collection[str]) -> None:
        self._log = log
        self._accounts = accounts

    def place(self) -> int:
        return self._log.stat().st_size

    def used(self) -> set[Right]:
        """Every right by which something was done. A server-side apply that makes an object needs two."""
        done = [event for event in self._events() if event["responseStatus"]["code"] != 403]
        made = [right_of(event) for event in done if event["responseStatus"]["code"] == 201]
        return {right_of(event) for event in done} | {(group, resource, "create") for group, resource, _ in made}

    def refused(self) -> set[Right]:
        """Every right for want of which a call was refused."""
        return {
            right_of(event)
            for event in self._events()
            if event["responseStatus"]["code"] == 403 and "cannot" in event["responseStatus"].get("message", "")
        }

    def counts(self, since: int = 0) -> Counter[Right]:
        """How often each right was used after a place. Watches count when they begin."""
        return Counter(map(right_of, self._events(since)))

    def _events(self, since: int = 0) -> Iterator[dict[str, Any]]:
        seen = set()
        with self._log.open(encoding="utf-8") as log:
            log.seek(since)
            for line in log:
                if not line.endswith("\n"):
                    return
                event = json.loads(line)
                is_first = event["auditID"] not in seen
                if is_first and event["user"]["username"] in self._accounts and "objectRef" in event:
                    seen.add(event["auditID"])
                    yield event


def right_of(event: dict[str, Any]) -> Right:
    what = event["objectRef"]
    resource = what["resource"]
    if "subresource" in what:
        resource = f"{resource}/{what['subresource']}"
    return what.get("apiGroup", ""), resource, event["verb"]
