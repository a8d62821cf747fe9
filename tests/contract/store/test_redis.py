"""What only a real server can do to the store: be away, be slow, be new, be full, be a replica."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from common.cluster import ClusterKey
from common.errors import PermanentError, StoreUnavailable
from common.jobs import JobStatus
from common.store.connection import SOCKET_TIMEOUT
from common.store.port import Lease, Outcome
from common.store.redis import RedisStore
from tests.contract.store.requests import (
    KEY,
    TTL,
    VIEW,
    accepted,
    creation,
    job_of,
    leased,
    record_of,
    scaling,
    settled,
)
from tests.ports import free_port
from tests.servers import PATIENCE, RedisServer

FAST = 10.0
"""Seconds within which a command must give up: three, and what a loaded machine adds. Alone, redis-py takes longer."""


@contextmanager
def store_on(url: str, *, keep_jobs: float = 3600.0, connections: int = 32) -> Iterator[RedisStore]:
    with closing(RedisStore(url, keep_jobs=keep_jobs, connections=connections)) as store:
        yield store


def every_command(store: RedisStore, lease: Lease) -> list[Callable[[], object]]:
    return [
        lambda: store.submit(creation()),
        lambda: store.owner_hash(KEY.user),
        lambda: store.cluster(KEY),
        lambda: store.clusters(KEY.user),
        lambda: store.job("job-create"),
        lambda: store.jobs(KEY.user),
        lambda: store.wake(KEY),
        lambda: store.events("0", block=0.0),
        lambda: store.events("0", block=1.0),
        store.newest_event,
        store.now,
        store.workers,
        lambda: store.claim("worker-1", limit=1, lease=TTL),
        lambda: store.acquire(KEY, "worker-1", ttl=TTL),
        lambda: store.renew(lease),
        lambda: store.check(lease),
        lambda: store.save(lease, Outcome(1.0)),
        lambda: store.release(lease, Outcome(1.0)),
        store.is_rebuilt,
        lambda: store.rebuild(()),
    ]


def works_again(store: RedisStore) -> None:
    """Wait until the server answers a command; a server that comes back may say for a while that it is loading."""
    deadline = time.monotonic() + PATIENCE
    while not is_there(store):
        assert time.monotonic() < deadline


def is_there(store: RedisStore) -> bool:
    try:
        return store.is_rebuilt()
    except StoreUnavailable:
        return False


def test_every_command_says_at_once_that_the_server_is_down(own_redis: RedisServer) -> None:
    with store_on(own_redis.url) as store:
        store.rebuild(())
        settled(store)
        lease = leased(store)
        own_redis.kill()
        for command in every_command(store, lease):
            begun = time.monotonic()
            with pytest.raises(StoreUnavailable) as caught:
                command()
            assert time.monotonic() - begun < FAST
            assert caught.value.__cause__ is not None


def test_what_was_answered_is_there_after_a_crash_and_every_connection_works_again(own_redis: RedisServer) -> None:
    with store_on(own_redis.url) as store:
        store.rebuild(())
        settled(store)
        lease = leased(store)
        before = (record_of(store), job_of(store, "job-create"), store.owner_hash(KEY.user))
        own_redis.kill()
        with pytest.raises(StoreUnavailable):
            store.check(lease)
        own_redis.start()
        works_again(store)
        assert (record_of(store), job_of(store, "job-create"), store.owner_hash(KEY.user)) == before
        store.release(lease, Outcome(30.0, memory="after"))
        assert record_of(store).memory == "after"


def test_a_restart_between_two_commands_is_not_noticed(own_redis: RedisServer) -> None:
    """Connections of the pool that the old server had are found dead before they are used; scripts are sent again."""
    with store_on(own_redis.url) as store:
        store.rebuild(())
        settled(store)
        store.events("0", block=0.0)
        own_redis.kill()
        own_redis.start()
        works_again(store)
        assert record_of(store).view == VIEW
        assert store.events("0", block=0.0)
        assert leased(store).record == record_of(store)


def test_a_server_that_hangs_is_given_up_and_works_again_when_it_goes_on(own_redis: RedisServer) -> None:
    with store_on(own_redis.url) as store:
        store.rebuild(())
        accepted(store, creation())
        own_redis.hold()
        try:
            for command in (lambda: store.cluster(KEY), lambda: store.events("0", block=1.5)):
                begun = time.monotonic()
                with pytest.raises(StoreUnavailable):
                    command()
                assert time.monotonic() - begun < FAST
        finally:
            own_redis.go_on()
        works_again(store)
        assert record_of(store).job == "job-create"


def test_a_write_that_was_given_up_takes_place_once_at_most(own_redis: RedisServer) -> None:
    with store_on(own_redis.url) as store:
        store.rebuild(())
        own_redis.hold()
        try:
            with pytest.raises(StoreUnavailable):
                store.submit(creation())
        finally:
            own_redis.go_on()
        works_again(store)
        job = accepted(store, creation())
        assert [found.id for found in store.jobs(KEY.user)] == [job.id]
        assert record_of(store).version == job.version
        assert leased(store).wake_seen == 1


def test_a_command_is_sent_once(own_redis: RedisServer) -> None:
    """A wake is counted each time it arrives. A client that repeats would do so once the server goes on."""
    with store_on(own_redis.url) as store:
        store.rebuild(())
        settled(store)
        store.wake(KEY)  # the server knows the script from now on
        lease = leased(store)

        def wake() -> None:
            with suppress(StoreUnavailable):
                store.wake(KEY)

        waking = threading.Thread(target=wake)
        own_redis.hold()
        try:
            waking.start()
            waking.join(SOCKET_TIMEOUT + 1)
        finally:
            own_redis.go_on()
        waking.join(PATIENCE)
        assert not waking.is_alive()
        works_again(store)
        store.release(lease, Outcome(0.0))
        assert leased(store).wake_seen <= lease.wake_seen + 1


def test_nobody_at_the_address_is_unavailable_too() -> None:
    with store_on(f"redis://127.0.0.1:{free_port()}/0") as store, pytest.raises(StoreUnavailable):
        store.is_rebuilt()


def test_a_server_that_forgot_the_scripts_is_sent_them_again(shared_redis: RedisServer, redis_url: str) -> None:
    with store_on(redis_url) as store, closing(shared_redis.client()) as client:
        store.rebuild(())
        accepted(store, creation())
        client.script_flush()
        assert leased(store).job is not None


def test_a_server_without_memory_refuses_writes_whole_and_is_unavailable(own_redis: RedisServer) -> None:
    with store_on(own_redis.url) as store, closing(own_redis.client()) as client:
        store.rebuild(())
        settled(store)
        client.config_set("maxmemory", "1")
        for write in (lambda: store.submit(creation("job-2", ClusterKey(KEY.user, "other"))), lambda: leased(store)):
            with pytest.raises(StoreUnavailable):
                write()
        assert store.cluster(ClusterKey(KEY.user, "other")) is None
        assert store.job("job-2") is None
        client.config_set("maxmemory", "0")
        assert leased(store).fence


def test_a_replica_is_unavailable_for_writes(own_redis: RedisServer) -> None:
    with store_on(own_redis.url) as store, closing(own_redis.client()) as client:
        store.rebuild(())
        client.config_set("replica-serve-stale-data", "yes")
        client.replicaof("127.0.0.1", free_port())
        with pytest.raises(StoreUnavailable):
            store.submit(creation())
        client.replicaof("NO", "ONE")
        accepted(store, creation())


def test_a_wrong_kind_of_value_is_an_error_for_people(shared_redis: RedisServer, redis_url: str) -> None:
    with store_on(redis_url) as store, closing(shared_redis.client()) as client:
        client.set("kanto:due", "not a sorted set")
        with pytest.raises(PermanentError) as caught:
            store.claim("worker-1", limit=1, lease=TTL)
        assert caught.value.code == "internal"


def test_time_is_the_servers(shared_redis: RedisServer, redis_url: str) -> None:
    with store_on(redis_url) as store, closing(shared_redis.client()) as client:
        store.rebuild(())
        accepted(store, creation())
        seconds, microseconds = client.time()
        lease = leased(store)
        assert 0 <= lease.now + 0.001 - (seconds + microseconds / 1e6) < PATIENCE
        assert lease.now == round(lease.now, 3)
        assert lease.fence >= int(lease.now * 1000)


def test_readers_that_wait_starve_nobody(redis_url: str) -> None:
    """More readers than there are connections for them, and a single connection for all else."""
    with store_on(redis_url, connections=1) as store:
        store.rebuild(())
        mark = store.newest_event()
        stop = threading.Event()

        def read() -> None:
            while not stop.is_set():
                try:
                    store.events(mark, block=1.5)
                except StoreUnavailable:
                    continue

        readers = [threading.Thread(target=read) for _ in range(6)]
        for reader in readers:
            reader.start()
        try:
            settled(store)
            for _ in range(50):
                store.release(leased(store), Outcome(0.0))
        finally:
            stop.set()
            for reader in readers:
                reader.join(PATIENCE)
        assert not any(reader.is_alive() for reader in readers)


def test_waiting_for_a_connection_has_an_end(own_redis: RedisServer) -> None:
    with store_on(own_redis.url, connections=1) as store:
        store.rebuild(())
        own_redis.hold()
        try:
            outcomes: list[str] = []

            def ask() -> None:
                try:
                    store.is_rebuilt()
                except StoreUnavailable as error:
                    outcomes.append(error.code)

            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE)
        finally:
            own_redis.go_on()
        assert outcomes == ["store_unavailable"] * 4


def test_a_password_of_the_server_is_in_no_message() -> None:
    url = f"redis://:hunter2-secret@127.0.0.1:{free_port()}/0"
    with store_on(url) as store, pytest.raises(StoreUnavailable) as caught:
        store.is_rebuilt()
    assert "hunter2" not in f"{caught.value!r} {caught.value.detail} {caught.value.__cause__!r} {store!r}"


def test_ended_jobs_expire_by_themselves(shared_redis: RedisServer, redis_url: str) -> None:
    with store_on(redis_url, keep_jobs=500.0) as store, closing(shared_redis.client()) as client:
        store.rebuild(())
        accepted(store, creation())
        assert client.ttl("kanto:job:job-create") == -1
        store.release(leased(store), Outcome(30.0, ended=JobStatus.SUCCEEDED))
        assert 0 < client.ttl("kanto:job:job-create") <= 500
        assert 0 < client.ttl(f"kanto:jobs:{KEY.user}") <= 500
        accepted(store, scaling(record_of(store), 5))
        assert client.ttl(f"kanto:jobs:{KEY.user}") == -1


def test_every_key_is_below_kantos_prefix(shared_redis: RedisServer, redis_url: str) -> None:
    with store_on(redis_url) as store, closing(shared_redis.client()) as client:
        store.rebuild(())
        settled(store)
        store.claim("worker-1", limit=1, lease=TTL)
        assert {str(key).partition(":")[0] for key in client.keys("*")} == {"kanto"}
