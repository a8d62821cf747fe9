from pathlib import Path

import pytest

from kanto.refusal import Refusal
from kanto.run.command import build_plan, tell_couchdb, without_password
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


def test_who_has_no_couchdb_is_told_that_instances_are_a_stand_in() -> None:
    assert tell_couchdb(RunSettings(couchdb=None), path="/nowhere").startswith("a stand-in")


def test_who_has_a_couchdb_is_told_which(tmp_path: Path) -> None:
    program = tmp_path / "couchdb"
    program.touch(mode=0o755)
    assert tell_couchdb(RunSettings(couchdb=None), path=str(tmp_path)) == str(program)
    assert tell_couchdb(RunSettings(couchdb=str(program)), path="/nowhere") == str(program)


def test_a_couchdb_that_is_no_program_is_refused_before_anything_starts() -> None:
    with pytest.raises(Refusal, match="KANTO_COUCHDB names /nowhere/couchdb"):
        tell_couchdb(RunSettings(couchdb="/nowhere/couchdb"), path="/nowhere")


def test_where_another_process_hosts_the_instances_it_chooses_their_program() -> None:
    settings = RunSettings(couchdb="/nowhere/couchdb", instances_socket=Path("/run/instances.sock"))
    assert "/run/instances.sock" in tell_couchdb(settings, path="/nowhere")
