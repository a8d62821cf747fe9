"""Asking whether a server answers yet. Blocking, with short time limits: called from threads."""

import urllib.error
import urllib.request

import redis

SECONDS = 1.0

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A proxy for the world outside has no business between us and our own api."""


def why_not_ready(at: str) -> str | None:
    """None once the api is alive and ready; else what it says."""
    for path in ("/healthz", "/readyz"):
        try:
            with _DIRECT.open(f"http://{at}{path}", timeout=SECONDS) as answer:
                answer.read(4096)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read(300).decode(errors="replace").strip()
            return f"{path} says {error.code} {said}"
        except (OSError, ValueError) as error:
            return f"{path} does not answer ({getattr(error, 'reason', error)})"
    return None


def why_no_redis(url: str) -> str | None:
    """None once Redis answers PING, with its files loaded; else what it says, without the password."""
    try:
        client = redis.Redis.from_url(
            url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS, retry=None, single_connection_client=False
        )
        try:
            client.ping()
        finally:
            client.close()
    except (redis.RedisError, OSError, ValueError) as error:
        return str(error) or type(error).__name__
    return None
