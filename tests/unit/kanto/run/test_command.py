from pathlib import Path

from kanto.run.command import build_plan, without_password
from kanto.run.home import Home
from kanto.run.redis_server import RedisServer
from kanto.run.settings import RunSettings
from kanto.run.supervisor import Plan

SERVER = RedisServer(
    words=("redis-server", "/data/redis/redis.conf"), url="redis://:secret@127.0.0.1:1/0", told="Redis"
)


def plan(server: RedisServer | None = SERVER, **environment: str) -> Plan:
    settings = RunSettings(port=8099, workers=3, redis_url="redis://:hidden@127.0.0.1:2/0")
    return build_plan(settings, home=Home(Path("/data")), server=server, environment=environment)


def test_redis_the_api_and_the_workers_are_started_in_this_order() -> None:
    assert plan().names == ("redis", "api", "worker-1", "worker-2", "worker-3", "stop")


def test_a_redis_that_runs_already_is_not_started() -> None:
    built = plan(server=None)
    assert built.redis is None
    assert built.parts[0].environment["KANTO_REDIS_URL"] == "redis://:hidden@127.0.0.1:2/0"


def test_children_are_told_what_was_decided_whatever_the_environment_says() -> None:
    told = plan(KANTO_PLATFORM="kubernetes", KANTO_LOG_FORMAT="json", PATH="/bin").parts[1].environment
    assert told["KANTO_PLATFORM"] == "process"
    assert told["KANTO_HOME"] == "/data"
    assert told["KANTO_PORT"] == "8099"
    assert told["KANTO_REDIS_URL"] == SERVER.url
    assert told["KANTO_LOG_FORMAT"] == "json"
    assert told["PATH"] == "/bin"


def test_no_secret_is_in_a_command_line_or_in_the_banner() -> None:
    for built in (plan(), plan(server=None)):
        commands = [command for command in (built.redis, *built.parts, built.stop) if command is not None]
        words = [word for command in commands for word in command.words]
        assert not any("secret" in text or "hidden" in text for text in (*words, built.banner))


def test_an_address_is_told_without_its_password() -> None:
    assert without_password("redis://user:pw@127.0.0.1:6379/2") == "redis://127.0.0.1:6379/2"
    assert without_password("redis://127.0.0.1:6379/2") == "redis://127.0.0.1:6379/2"
