"""The log of a running service: one id from the request to its job's steps in another process, and no secret."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import redis

from tests.e2e.conftest import MakeService

TOKEN = "Zq8-nobody-else-has-this"
PASSWORD = "Wm4-of-the-databases-alone"
REQUEST = "the-callers-own-id"


def test_one_id_goes_from_the_request_to_each_step_and_no_secret_is_written(make_service: MakeService) -> None:
    service = make_service(KANTO_LOG_FORMAT="json")
    form = {"username": "logan", "token": TOKEN, "cluster_tag": "logged", "replicas": "2"}
    answer = httpx.post(f"{service.url}/v0/create", data=form, headers={"X-Request-Id": REQUEST}, timeout=120)
    assert answer.status_code == 200, answer.text
    service.user("logan", TOKEN).result("delete", cluster_tag="logged")
    service.stop()

    written = service.log.read_text()
    for secret in (TOKEN, (service.home / "redis" / "password").read_text().strip(), "argon2id", "pbkdf2"):
        assert secret not in written
    found = [line for line in lines(written) if line.get("request_id") == REQUEST]
    assert {"request", "acts", "job_ended"} <= {line["event"] for line in found}
    assert len({line["job"] for line in found if "job" in line}) == 1
    of_api = {process for process, line in by_process(written) if line.get("event") == "request"}
    of_workers = {
        process
        for process, line in by_process(written)
        if line.get("request_id") == REQUEST and line.get("event") in {"acts", "job_ended"}
    }
    assert of_workers
    assert not of_api & of_workers


def test_no_secret_is_in_a_file_of_the_home_or_in_what_other_users_see_of_a_process(make_service: MakeService) -> None:
    """The caller's token, a CouchDB password of his own and Redis's password, while a cluster is there and after it.

    Two are where they have to be: Redis's password in Redis's own folder (readable by its owner only), and in the
    environment of our own processes, which the system shows to the same user and root only. Nowhere is there a token.
    """
    service = make_service(KANTO_LOG_FORMAT="json")
    user = service.user("logan", TOKEN)
    user.result("create", cluster_tag="plain", replicas=1)
    user.result("create", cluster_tag="with-its-own", replicas=2, couchdb_user="keeper", couchdb_password=PASSWORD)
    of_redis = (service.home / "redis" / "password").read_text().strip()
    running = processes_of(service.home)
    commands = {pid: shown(pid, "cmdline") for pid in running}
    environments = {pid: shown(pid, "environ") for pid in running}
    assert sum(b"kanto" in command or b"worker" in command or b"api" in command for command in commands.values()) >= 3
    for secret in (TOKEN, PASSWORD, of_redis):
        assert not [pid for pid, command in commands.items() if secret.encode() in command]
    for secret in (TOKEN, PASSWORD):
        assert not [pid for pid, environment in environments.items() if secret.encode() in environment]

    with redis.Redis.from_url(url_of(environments.values())) as client:
        client.save()
    looked_at = files_of(service.home)
    assert [path for path in looked_at if "redis" in path.parts and path.suffix in {".aof", ".rdb"}]
    assert [path for path in looked_at if path.suffix == ".couch" or "instances" in str(path)]
    for secret in (TOKEN, PASSWORD):
        assert not holding(service.home, secret)
    with_it = holding(service.home, of_redis)
    assert {path.parent for path in with_it} == {service.home / "redis"}
    assert not [path for path in with_it if path.stat().st_mode & 0o077]

    for tag in ("plain", "with-its-own"):
        user.result("delete", cluster_tag=tag)
    service.stop()
    for secret in (TOKEN, PASSWORD):
        assert not holding(service.home, secret)
        assert secret not in service.log.read_text()
    assert of_redis not in service.log.read_text()


def processes_of(home: Path) -> list[int]:
    """All that run for this home: its path is in their environment or command line. Not this test's own."""
    found = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    mark = str(home).encode()
    return [pid for pid in found if pid != os.getpid() and mark in shown(pid, "environ") + shown(pid, "cmdline")]


def shown(pid: int, what: str) -> bytes:
    """Empty for a process that has ended or is somebody else's."""
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes()
    except OSError:
        return b""


def url_of(environments: Iterable[bytes]) -> str:
    """The Redis that kanto run told its processes of."""
    name = b"KANTO_REDIS_URL="
    told = {line[len(name) :] for one in environments for line in one.split(b"\0") if line.startswith(name)}
    assert len(told) == 1
    return told.pop().decode()


def files_of(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and not path.is_symlink()]


def holding(home: Path, secret: str) -> list[Path]:
    """A file that is gone meanwhile holds nothing."""
    found = []
    for path in files_of(home):
        with suppress(FileNotFoundError):
            if secret.encode() in path.read_bytes():
                found.append(path)
    return found


def by_process(written: str) -> list[tuple[str, dict[str, Any]]]:
    """Each line in JSON with the name that `kanto run` puts before it: its process's."""
    found = []
    for line in written.splitlines():
        found += [(line.partition("{")[0].strip(), one) for one in lines(line)]
    return found


def lines(written: str) -> list[dict[str, Any]]:
    """What is JSON in it, after the name that `kanto run` puts before each line."""
    found = []
    for line in written.splitlines():
        _, brace, rest = line.partition("{")
        try:
            found.append(json.loads(brace + rest))
        except ValueError:
            continue
    return found
