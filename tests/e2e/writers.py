"""Clients that go on writing and reading through an endpoint while something happens to the cluster behind it."""

import threading
import time
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import httpx

from tests.e2e.service import User, wait_until
from tests.running import Running

PAUSE = 0.01
"""Seconds between two requests of a thread: the cluster has to have time for something else too."""

THREADS = 3


class Clients(Running):
    """Threads, each with a connection of its own that it keeps as long as it lives. `odd` is what should not be."""

    def __init__(self, user: User, endpoint: str, *, threads: int = THREADS) -> None:
        super().__init__([partial(self._run, lane) for lane in range(threads)], who="a client")
        self._user = user
        self._endpoint = endpoint
        self.odd: list[str] = []
        self.cut = 0

    def _run(self, lane: int, stop: threading.Event) -> None:
        number = 0
        with httpx.Client(base_url=self._endpoint, auth=self._user.login, timeout=20, trust_env=False) as client:
            while not stop.wait(PAUSE):
                try:
                    self._ask(client, lane, number)
                except httpx.TransportError:
                    self.cut += 1
                number += 1

    def _ask(self, client: httpx.Client, lane: int, number: int) -> None:
        raise NotImplementedError


class Writers(Clients):
    """Write numbered documents; `acknowledged` are those that the cluster said it has.

    A connection that is cut leaves it open whether the write was done, as for any client; nothing is counted then.
    `nobody` counts the 503 of an endpoint behind which nobody serves.
    """

    def __init__(
        self, user: User, endpoint: str, *, database: str = "test", prefix: str = "w", threads: int = THREADS
    ) -> None:
        super().__init__(user, endpoint, threads=threads)
        self.database = database
        self.prefix = prefix
        self.acknowledged: set[str] = set()
        self.nobody = 0

    def _ask(self, client: httpx.Client, lane: int, number: int) -> None:
        name = f"{self.prefix}-{lane}-{number}"
        answer = client.put(f"/{self.database}/{name}", json={"number": number})
        if answer.status_code in (201, 202):
            self.acknowledged.add(name)
        elif answer.status_code == 503:
            self.nobody += 1
        else:
            self.odd.append(f"PUT {name}: {answer.status_code} {answer.text[:200]}")

    def wait_for(self, count: int) -> None:
        """Until so many more writes are acknowledged."""
        goal = len(self.acknowledged) + count
        wait_until(f"{goal} acknowledged writes", lambda: len(self.acknowledged) >= goal)


class Readers(Clients):
    """Read documents that every instance had before: each read on a connection of its own, so that all have turns.

    Or some reads on one (`keeps`), as clients do, which stays with the instance that the connection came to.
    """

    def __init__(
        self, user: User, endpoint: str, names: Sequence[str], *, database: str = "test", keeps: int = 1
    ) -> None:
        super().__init__(user, endpoint, threads=2)
        self._keeps = keeps
        self._names = names
        self._database = database
        self.found = 0

    def _ask(self, client: httpx.Client, lane: int, number: int) -> None:
        name = self._names[(number * 7 + lane) % len(self._names)]
        is_last = number % self._keeps == self._keeps - 1
        answer = client.get(f"/{self._database}/{name}", headers={"Connection": "close"} if is_last else {})
        if answer.status_code == 200:
            self.found += 1
        else:
            self.odd.append(f"GET {name}: {answer.status_code} {answer.text[:200]}")


def put_all(client: httpx.Client, database: str, documents: Sequence[dict[str, Any]]) -> None:
    """Write documents at once; every one of them is acknowledged."""
    answer = client.post(f"/{database}/_bulk_docs", json={"docs": list(documents)})
    assert answer.status_code == 201, answer.text
    assert all("rev" in row for row in answer.json()), answer.json()


def numbered(count: int, prefix: str = "doc") -> list[dict[str, Any]]:
    return [{"_id": f"{prefix}{number}", "number": number} for number in range(count)]


def names_in(client: httpx.Client, database: str) -> set[str]:
    answer = client.get(f"/{database}/_all_docs")
    return {row["id"] for row in answer.json()["rows"]} if answer.status_code == 200 else set()


def assert_everywhere(user: User, tag: str, names: Collection[str], *, database: str = "test") -> None:
    """Every one of these documents is on every instance of the cluster, soon."""
    wanted = set(names)
    assert wanted
    for instance in user.detail(tag)["Instances"]:
        client = user.couch(instance["Url"])
        deadline = time.monotonic() + 60
        while missing := wanted - names_in(client, database):
            some = sorted(missing)[:5]
            assert time.monotonic() < deadline, f"{instance['Name']} lacks {len(missing)} of {len(wanted)}: {some}"
            time.sleep(0.1)
