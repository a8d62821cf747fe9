"""A store on the bench: the same handles for the twin and for Redis, time included."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from common.store.port import Store
from common.store.redis import EVENTS_KEY, RedisStore
from tests.servers import RedisServer
from tests.twins.store.store import MemoryStore

START = 1_800_000_000.0
"""Unix seconds at which the time of a bench begins."""

CLOCK = "redis.call('HMGET', 'bench:clock', 'seconds', 'microseconds')"


class Bench(Protocol):
    """A store whose time stands still but for `elapse`."""

    store: Store

    def elapse(self, seconds: float) -> None: ...

    def now(self) -> float: ...

    def close(self) -> None: ...


class TwinBench:
    def __init__(self, *, keep_jobs: float = 3600.0) -> None:
        self._at = START
        self.store: Store = MemoryStore(self.now, keep_jobs=keep_jobs)

    def elapse(self, seconds: float) -> None:
        self._at = round(self._at + seconds, 3)

    def now(self) -> float:
        return self._at

    def close(self) -> None:
        pass


class RedisBench:
    """A real server and the real scripts, but for where they read the time."""

    def __init__(self, server: RedisServer, *, keep_jobs: float = 3600.0) -> None:
        server.flush()
        self._client = server.client()
        self._at = START
        self.elapse(0)
        self._store = RedisStore(server.url, keep_jobs=keep_jobs, clock=CLOCK)
        self.store: Store = self._store

    def elapse(self, seconds: float) -> None:
        self._at = round(self._at + seconds, 3)
        whole, milliseconds = divmod(round(self._at * 1000), 1000)
        self._client.hset("bench:clock", mapping={"seconds": whole, "microseconds": milliseconds * 1000})

    def now(self) -> float:
        return self._at

    def keys(self) -> set[str]:
        """All that the store keeps."""
        return {str(key) for key in self._client.keys("*")} - {"bench:clock"}

    def dump(self) -> dict[str, Any]:
        """All that the store keeps, by key: the type and the content.

        Events and steps are counted, for the server dates them.
        """
        return {key: [kind := str(self._client.type(key)), self._content(key, kind)] for key in self.keys()}

    def load(self, dumped: Mapping[str, Any]) -> None:
        """Put what `dump` gave in the place of all that is kept."""
        if kept := self.keys():
            self._client.delete(*kept)
        for key, (kind, content) in dumped.items():
            match kind:
                case "string":
                    self._client.set(key, content)
                case "hash":
                    self._client.hset(key, mapping=content)
                case "set":
                    self._client.sadd(key, *content)
                case "zset":
                    self._client.zadd(key, content)
                case "stream":
                    for entry, fields in content:
                        self._client.xadd(key, fields, id=entry)
                case _:
                    raise AssertionError(f"{key} is a {kind}")

    def _content(self, key: str, kind: str) -> Any:
        match kind:
            case "string":
                return self._client.get(key)
            case "hash":
                return self._client.hgetall(key)
            case "set":
                return sorted(self._client.smembers(key))
            case "zset":
                scored: Any = self._client.zrange(key, 0, -1, withscores=True)
                return dict(scored)
            case "stream":
                entries: Any = self._client.xrange(key)
                is_dated = key == EVENTS_KEY or key.startswith("kanto:steps:")
                return [[f"{n}-0" if is_dated else entry, told] for n, (entry, told) in enumerate(entries, 1)]
        raise AssertionError(f"{key} is a {kind}")

    def known_workers(self) -> int:
        return self._client.zcard("kanto:workers")

    def close(self) -> None:
        self._client.close()
        self._store.close()


MakeBench = Callable[..., Bench]
