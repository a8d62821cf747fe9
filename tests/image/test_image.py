"""The images hold what they should and no more, and work with the least rights that a container can have."""

import gzip
import json
import secrets
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from dev.image.build import TARGETS, name_of, revision, version
from dev.image.own import Podman
from tests.e2e.service import is_well, wait_until
from tests.image.engine import TAG
from tests.ports import free_port
from tests.servers import RedisServer

pytestmark = pytest.mark.timeout(600)

CONFINED = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges")
KANTO = name_of("kanto", TAG)
INSTANCES = name_of("instances", TAG)
UNPACKED, COMPRESSED = 250e6, 100e6
"""Bytes that the image may take, on a base that leaves out what slim images leave out."""


def look(podman: Podman, image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(podman.run("image", "inspect", image).stdout)[0]
    return found


@contextmanager
def running(podman: Podman, image: str, *words: str, options: tuple[str, ...] = ()) -> Iterator[str]:
    """A confined container on this machine's network; removed with the block. Gives its name."""
    name = f"kanto-test-{secrets.token_hex(4)}"
    podman.run("run", "--detach", "--name", name, "--network=host", *CONFINED, *options, image, *words)
    try:
        yield name
    finally:
        podman.run("rm", "--force", "--volumes", "--time=10", name)


@contextmanager
def shared_folder(podman: Podman) -> Iterator[tuple[str, ...]]:
    """A volume for the socket between workers and instances, as options of a container."""
    name = f"kanto-test-{secrets.token_hex(4)}"
    podman.run("volume", "create", name)
    try:
        yield ("--volume", f"{name}:/run/kanto")
    finally:
        podman.run("volume", "rm", name)


@pytest.mark.parametrize("target", TARGETS)
def test_each_image_has_a_numeric_user_who_is_not_root(podman: Podman, target: str) -> None:
    user = look(podman, name_of(target, TAG))["Config"]["User"].partition(":")[0]
    assert user.isdecimal()
    assert int(user) > 0


@pytest.mark.parametrize("target", ["kanto", "instances"])
def test_labels_say_version_and_revision(podman: Podman, target: str) -> None:
    labels = look(podman, name_of(target, TAG))["Labels"]
    assert labels["org.opencontainers.image.version"] == version()
    assert labels["org.opencontainers.image.revision"] == revision()
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.title"]


def test_nothing_that_builds_or_installs_is_inside(podman: Podman) -> None:
    script = (
        "for each in gcc cc make pip pip3 node npm uv git; do command -v $each && exit 3; done; "
        "python -c 'import pip' 2>/dev/null && exit 4; python -c 'import ensurepip' 2>/dev/null && exit 5; "
        "ls -d /root/.cache /build /run/secrets /tmp/* 2>/dev/null && exit 6; exit 0"
    )
    done = podman.run("run", "--rm", "--network=none", "--entrypoint=sh", KANTO, "-c", script, check=False)
    assert done.returncode == 0, done.stdout


def test_it_is_small(podman: Podman, tmp_path: Path) -> None:
    unpacked = look(podman, KANTO)["Size"]
    added = unpacked - look(podman, podman.base(print))["Size"]
    archive = tmp_path / "kanto.tar"
    podman.save(["kanto"], TAG, archive)
    packed = tmp_path / "kanto.tar.gz"
    with archive.open("rb") as source, gzip.open(packed, "wb", compresslevel=6) as target:
        while part := source.read(1 << 20):
            target.write(part)
    compressed = packed.stat().st_size
    print(
        f"kanto: MB compressed {compressed / 1e6:.0f}, unpacked {unpacked / 1e6:.0f}, above its base {added / 1e6:.0f}"
    )
    assert compressed < COMPRESSED
    assert unpacked < UNPACKED


IMPORT_ALL = """\
import importlib, os, pkgutil, sys
import kubernetes.client, kubernetes.config, kubernetes.stream, kubernetes.watch
import api, common, kanto, worker
for package in (api, common, kanto, worker):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
"""
PASS = """\
import subprocess, sys, time
began = time.monotonic()
subprocess.run([sys.executable, "-c", "pass"], check=True)
print(time.monotonic() - began)
"""
FRESH = """\
import os, sys
import api.main
print(*[name for name, module in sys.modules.items()
        if getattr(module, "__cached__", None) and not os.path.exists(module.__cached__)])
"""


@pytest.mark.parametrize("image", [KANTO, INSTANCES])
def test_nothing_that_was_taken_out_is_missed(podman: Podman, image: str) -> None:
    done = podman.run("run", "--rm", "--network=none", "--entrypoint=python", image, "-c", IMPORT_ALL, check=False)
    assert done.returncode == 0, done.stderr


def test_all_that_the_api_imports_is_compiled(podman: Podman) -> None:
    """The base is without bytecode, and a container cannot write any."""
    done = podman.run("run", "--rm", "--network=none", "--entrypoint=python", KANTO, "-c", FRESH)
    assert not done.stdout.split()


def test_help_needs_nothing(podman: Podman) -> None:
    done = podman.run("run", "--rm", "--network=none", *CONFINED, KANTO, "--help")
    assert "kanto" in done.stdout


def test_api_worker_and_users_work_confined(podman: Podman, own_redis: RedisServer) -> None:
    """Prints how long the api takes to serve. It is held to no figure: a busy machine decides that."""
    seconds, floor = [], []
    redis = ("--env", f"KANTO_REDIS_URL={own_redis.url}", "--env", "KANTO_BIND=127.0.0.1")
    process = ("--env", "KANTO_PLATFORM=process", "--env", "KANTO_INSTANCES_SOCKET=/run/kanto/instances.sock")
    for _ in range(5):
        port = free_port()
        with running(podman, KANTO, "api", options=(*redis, "--env", f"KANTO_PORT={port}")) as name:
            wait_until("the api", lambda port=port: is_well(f"http://127.0.0.1:{port}/healthz"))  # type: ignore[misc]
            seconds.append(time.time() - started(podman, name))
            floor.append(float(podman.run("exec", name, "python", "-c", PASS).stdout))
    print(
        f"the api serves {statistics.median(seconds):.2f} s after its start, and `python -c pass` there takes "
        f"{statistics.median(floor):.2f} s (medians of {len(seconds)})"
    )
    port = free_port()
    with (
        shared_folder(podman) as socket,
        running(podman, INSTANCES, "instances", options=(*socket, "--tmpfs=/tmp", "--volume=/var/lib/kanto")),
        running(podman, KANTO, "api", options=(*redis, "--env", f"KANTO_PORT={port}")),
        running(podman, KANTO, "worker", options=(*redis, *process, *socket)),
    ):
        wait_until("api and worker", lambda: is_well(f"http://127.0.0.1:{port}/readyz"))
        one_off = ("run", "--rm", "--network=host", *CONFINED, *redis, KANTO, "users")
        podman.run(*one_off, "add", "imaged", "--generate")
        assert "imaged" in podman.run(*one_off, "list").stdout


def started(podman: Podman, name: str) -> float:
    """When the container's first process started, in seconds of the epoch."""
    pid = podman.run("inspect", "--format", "{{.State.Pid}}", name).stdout.strip()
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    hertz = int(subprocess.run(["getconf", "CLK_TCK"], capture_output=True, text=True, check=True).stdout)
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - uptime + ticks / hertz


def test_the_stand_in_speaks_the_official_environment(podman: Podman) -> None:
    """COUCHDB_USER, COUCHDB_PASSWORD, the port and the data folder are those of the official image."""
    name = f"kanto-test-{secrets.token_hex(4)}"
    port = free_port()
    password = secrets.token_hex(8)
    words = (
        "--publish",
        f"127.0.0.1:{port}:5984",
        "--env",
        "COUCHDB_USER=admin",
        "--env",
        f"COUCHDB_PASSWORD={password}",
    )
    podman.run("run", "--detach", "--name", name, *words, name_of("couchdb-standin", TAG))
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until("the stand-in", lambda: is_well(f"{url}/_up"))
        with httpx.Client(base_url=url, auth=("admin", password), timeout=30, trust_env=False) as couch:
            assert couch.put("/test").status_code == 201
            assert couch.put("/test/one", json={"n": 1}).status_code == 201
            assert couch.get("/").json()["couchdb"] == "Welcome"
        assert httpx.put(f"{url}/other", timeout=30, trust_env=False).status_code == 401
        assert podman.run("exec", name, "ls", "/opt/couchdb/data").stdout.strip()
    finally:
        podman.run("rm", "--force", "--volumes", "--time=10", name)
