"""The store as an operator's command finds it: the Redis that a setting names, or our own that `kanto run` keeps."""

from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import KantoError, StoreUnavailable
from common.store.redis import RedisStore
from kanto.refusal import Refusal
from kanto.run.home import Home, read
from kanto.run.settings import RunSettings


@contextmanager
def open_store(settings: RunSettings) -> Iterator[RedisStore]:
    """The store, while the block runs. A Refusal for one that does not answer or refuses, also in the middle."""
    store = RedisStore(find_url(settings), keep_jobs=settings.keep_jobs)
    try:
        yield store
    except StoreUnavailable as away:
        raise Refusal(f"kanto's Redis does not answer: {away.message}. Start it (kanto run), then try again") from away
    except KantoError as error:
        raise Refusal(error.detail) from error
    finally:
        store.close()


def find_url(settings: RunSettings) -> str:
    """It may hold a password. A Refusal when no setting names a Redis and this home has none."""
    if not settings.has_own_redis:
        return settings.redis_url
    home = Home(settings.home.absolute())
    try:
        port, password = read(home.redis / "port"), read(home.redis / "password")
    except OSError as error:
        raise Refusal(f"{home.redis} cannot be read: {error.strerror}") from error
    if port is None or password is None:
        raise Refusal(
            f"There is no Redis of kanto's in {home.path}: name the folder with KANTO_HOME, or the server with "
            "KANTO_REDIS_URL"
        )
    return f"redis://:{password}@127.0.0.1:{port}/0"
