"""Connections to Redis that fail fast, and Redis's errors as kanto's own."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import BlockingConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from common.errors import PermanentError, StoreUnavailable

SOCKET_TIMEOUT = 2.0
CONNECT_TIMEOUT = 1.0
POOL_TIMEOUT = 1.0
"""Seconds that a command waits for a free connection."""

_NOT_NOW = ("MASTERDOWN", "MISCONF", "NOREPLICAS", "BUSY ", "READONLY", "OOM", "LOADING", "UNBLOCKED")
"""How a server begins to answer that will work again without us (Redis docs, error replies). Scripts answer alike."""


def connect(url: str, *, connections: int) -> Redis:
    """A client of its own pool. It never repeats a command: redis-py's default of ten retries doubles writes."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=POOL_TIMEOUT,
        socket_timeout=SOCKET_TIMEOUT,
        socket_connect_timeout=CONNECT_TIMEOUT,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        decode_responses=True,
    )
    return Redis(connection_pool=pool)


@contextmanager
def translated(command: str) -> Iterator[None]:
    """Raises StoreUnavailable for a server that is away, slow or not ready, PermanentError for its other errors."""
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError, ReadOnlyError, OutOfMemoryError) as error:
        raise StoreUnavailable(f"Redis did not carry out {command}") from error
    except ResponseError as error:
        if str(error).startswith(_NOT_NOW):
            raise StoreUnavailable(f"Redis did not carry out {command}") from error
        raise PermanentError("internal", f"Redis refused {command}", action="Look into the log") from error
    except RedisError as error:
        raise PermanentError(
            "internal", f"Redis could not be asked for {command}", action="Look into the log"
        ) from error
