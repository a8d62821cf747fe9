"""Wake-ups on a real Redis: written in Celery's format, read by Celery's own code, and forgotten when Redis is away."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

from celery.app.trace import build_tracer
from kombu.transport.virtual.base import Message

from common.broker import build_celery
from common.cluster import ClusterKey
from common.store.redis import RedisStore
from common.wakeup import AT_ONCE, EXPIRES, PREFIX, QUEUE, STEP_TASK, WakeUps, build_message
from tests.servers import RedisServer
from worker import tasks

KEY = ClusterKey("johny2", "my-test-db1")
PATIENCE = 60.0


def until(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s: {what}"
        time.sleep(0.01)


def waiting(server: RedisServer) -> list[dict[str, Any]]:
    """The messages on the list, oldest first."""
    with server.client() as client:
        return [json.loads(text) for text in reversed(client.lrange(PREFIX + QUEUE, 0, -1))]


def body_of(message: dict[str, Any]) -> Any:
    return json.loads(base64.b64decode(message["body"]))


def test_a_message_is_what_celery_would_send(shared_redis: RedisServer, redis_url: str) -> None:
    app = build_celery(redis_url)
    app.send_task(STEP_TASK, args=(KEY.user, KEY.tag), expires=EXPIRES, ignore_result=True)
    (theirs,) = waiting(shared_redis)
    ours = json.loads(build_message(KEY, message_id=theirs["headers"]["id"], now=time.time()))
    assert body_of(ours) == body_of(theirs)
    for part in ("content-encoding", "content-type"):
        assert ours[part] == theirs[part]
    for part, free in (("headers", {"expires"}), ("properties", {"delivery_tag"})):
        named = ours[part].keys() - free
        assert {name: ours[part][name] for name in named} == {name: theirs[part][name] for name in named}
    # what ours leaves out is about results, groups, stamps and people who read logs
    assert theirs["headers"].keys() - ours["headers"].keys() <= {
        *("shadow", "group_index", "argsrepr", "kwargsrepr", "origin"),
        *("replaced_task_nesting", "stamped_headers", "stamps"),
    }
    assert theirs["properties"].keys() - ours["properties"].keys() <= {"reply_to", "expiration"}


def test_celery_runs_it_with_the_cluster(redis_url: str) -> None:
    ran: list[ClusterKey] = []
    app = build_celery(redis_url)
    tasks.register(app, ran.append)
    app.finalize()
    with app.connection() as connection:
        channel: Any = connection.default_channel
        payload = json.loads(build_message(KEY, message_id="one", now=time.time()))
        args, kwargs, _ = Message(payload, channel=channel).decode()
    trace = build_tracer(STEP_TASK, app.tasks[STEP_TASK], app=app)
    assert trace("one", args, kwargs, {}).info is None
    assert ran == [KEY]


def test_what_was_sent_is_on_the_list_once_for_each_cluster(shared_redis: RedisServer, redis_url: str) -> None:
    wake_ups = WakeUps(redis_url)
    keys = [ClusterKey("johny2", f"tag-{number}") for number in range(2 * AT_ONCE)]
    for key in keys:
        assert wake_ups.send(key)
    until(lambda: len(waiting(shared_redis)) >= len(keys), "all messages on the list")
    assert sorted(body_of(message)[0][1] for message in waiting(shared_redis)) == sorted(key.tag for key in keys)
    wake_ups.close()


def test_one_that_redis_does_not_take_is_forgotten_and_the_next_is_sent(own_redis: RedisServer) -> None:
    wake_ups = WakeUps(own_redis.url)
    own_redis.hold()
    began = time.monotonic()
    assert wake_ups.send(KEY)
    assert time.monotonic() - began < PATIENCE / 10  # nobody waits for Redis
    own_redis.go_on()
    own_redis.kill()
    assert wake_ups.send(ClusterKey("johny2", "lost"))
    own_redis.start()
    store = RedisStore(own_redis.url)
    until(lambda: not store.is_rebuilt(), "Redis to answer")

    def is_sent() -> bool:
        wake_ups.send(ClusterKey("johny2", "later"))
        return any(body_of(message)[0] == ["johny2", "later"] for message in waiting(own_redis))

    until(is_sent, "a later message on the list")
    store.close()
    wake_ups.close()
