"""The commands of docs/operate.md, taken from that page and run on a kanto that runs, and what they do."""

import json
import os
import signal
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import httpx
import pytest

from tests import commands, redis_cli
from tests.e2e.inside import Inside
from tests.e2e.service import Service, User, wait_until
from tests.e2e.writers import assert_everywhere, numbered, put_all
from tests.ports import free_ports
from tests.servers import RedisServer

pytestmark = commands.NEEDS_PROGRAMS

BLOCKS = commands.named("docs/operate.md")
TOKEN = "operated-token-1"
PING = 'redis-cli -h "$HOST" -p "$PORT" PING || true'
PASSWORD, NEW_PASSWORD = "the-first-password", "the-second-password"


class Place:
    """A folder as that of `make run`: the home is its `.kanto`, and `kanto` is on the PATH."""

    def __init__(self, folder: Path, service: Service) -> None:
        self.folder = folder
        self.service = service
        self.own = {"127.0.0.1:8080": f"127.0.0.1:{service.port}"}
        """What stands in the place of an address or a path of the page."""
        self.programs = folder / "bin"
        self.programs.mkdir()
        kanto = self.programs / "kanto"
        kanto.write_text(f'#!/bin/sh\nexec {sys.executable} -m kanto "$@"\n')
        kanto.chmod(0o755)
        redis_cli.put_in(self.programs)

    def run(self, name: str, **variables: str) -> str:
        """What a block of the page prints. `variables` are the shell's."""
        script = BLOCKS[name]
        for shown, own in self.own.items():
            script = script.replace(shown, own)
        return self.shell(script, **variables)

    def shell(self, script: str, **variables: str) -> str:
        """What a script prints. AssertionError if a command of it fails."""
        return commands.run(script, folder=self.folder, environment={**self._environment, **variables})

    def fails(self, script: str, **variables: str) -> str:
        """As `shell`, of a script that does not go well."""
        return commands.run(script, folder=self.folder, environment={**self._environment, **variables}, fails=True)

    @property
    def _environment(self) -> dict[str, str]:
        return {"PATH": f"{self.programs}:{os.environ['PATH']}", "KANTO_PASSWORD_ITERATIONS": "1000"}


MakePlace = Callable[..., Place]


@pytest.fixture
def make_place(tmp_path: Path) -> Iterator[MakePlace]:
    made: list[Service] = []

    def make(name: str = "place", ports: range = range(25000, 26000), **settings: str) -> Place:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        made.append(Service(folder / ".kanto", ports, settings))
        return Place(folder, made[-1])

    yield make
    for one in made:
        one.end()


@pytest.fixture
def place(make_place: MakePlace) -> Place:
    metrics = free_ports(3)
    place = make_place(KANTO_METRICS_PORT=str(metrics), KANTO_AUTH="strict")
    place.service.start()
    return place


def status(user: User) -> int:
    return user.post("list").status_code


def reasons(user: User, tag: str) -> list[str]:
    return [reason["code"] for reason in user.detail(tag)["Reasons"]]


def test_an_operator_looks_after_users_and_clusters(place: Place) -> None:
    """One kanto from its first user to `remove-all`: each block leaves what the next one needs."""
    service = place.service
    ann = service.user("ann", TOKEN)
    told = place.run("users", TOKEN=TOKEN).splitlines()
    former, token = told[0], told[1]
    assert told[2:] == ["ann\t0 clusters\tdisabled", "bob\t0 clusters\tenabled"]
    bob = service.user("bob", token)
    assert (status(bob), status(service.user("bob", former)), status(ann)) == (200, 401, 401)
    place.shell('echo "$TOKEN" | kanto users add johny2', TOKEN=TOKEN)
    johny = service.user("johny2", TOKEN)
    made = johny.result("create", cluster_tag="my-test-db1", replicas=2)

    told = place.run("health").splitlines()
    assert [json.loads(line)["status"] for line in told[:2]] == ["ok", "ok"]
    assert told[2:] == [
        "johny2\tmy-test-db1\tready",
        "bob\t0 clusters\tenabled",
        "johny2\t1 cluster\tenabled",
    ]

    port = service.settings["KANTO_METRICS_PORT"]
    place.own |= {"127.0.0.1:9100": f"127.0.0.1:{port}", "127.0.0.1:9101": f"127.0.0.1:{int(port) + 1}"}
    found = dict(line.split()[:2] for line in place.run("metrics").splitlines() if "{" not in line)
    assert {name: float(value) for name, value in found.items() if name != "kanto_latest_seconds"} == {
        "kanto_store_up": 1,
        "kanto_overdue_jobs": 0,
        "kanto_overdue_clusters": 0,
    }
    assert float(found["kanto_latest_seconds"]) < 30

    archive = place.folder / place.run("report").strip()
    with tarfile.open(archive) as report:
        assert "kanto-report/cluster.json" in report.getnames()

    assert place.run("remove-all").splitlines() == ["johny2\tmy-test-db1\tbeing deleted", "1 deleted"]
    assert johny.result("list") == []
    with pytest.raises(httpx.TransportError):
        httpx.get(made["Endpoint"], timeout=5)
    assert not list(service.home.glob("clusters/cdb-*"))


def test_a_copy_of_redis_made_while_it_runs_is_put_back(make_place: MakePlace) -> None:
    place = make_place()
    service = place.service
    service.start()
    user = service.user("rita", TOKEN)
    made = user.result("create", cluster_tag="copied", replicas=2)
    job = user.begin("replicate", cluster_tag="copied", databases="orders")
    assert user.ended(job)["status"] == "succeeded"
    place.shell("kanto users add idle --generate && kanto users disable idle")
    put_all(user.couch(made["Endpoint"]), "orders", numbered(20))
    place.run("back-up")
    password = (service.home / "redis" / "password").stat()
    assert (place.folder / "redis-copy" / "password").stat().st_mode == password.st_mode
    place.shell("kanto users add late --generate")
    service.stop()
    place.run("restore")
    service.start()

    assert place.shell("kanto users list").splitlines() == ["idle\t0 clusters\tdisabled", "rita\t1 cluster\tenabled"]
    assert user.job(job)["status"] == "succeeded"
    assert user.ready("copied")["Endpoint"] == made["Endpoint"]
    assert_everywhere(user, "copied", {f"doc{n}" for n in range(20)}, database="orders")
    assert len(user.result("scale", cluster_tag="copied", replicas=3)["Instances"]) == 3


def test_a_copy_of_redis_in_a_new_home_has_users_and_jobs_and_clusters_are_made_anew(make_place: MakePlace) -> None:
    place, other = make_place(), make_place("other")
    place.service.start()
    user = place.service.user("rita", TOKEN)
    job = user.begin("create", cluster_tag="copied", replicas=2)
    assert user.ended(job)["status"] == "succeeded"
    place.run("back-up")
    place.service.stop()
    other.service.home.mkdir(mode=0o700)
    other.shell(f"cp -a {place.folder}/redis-copy .kanto/redis")
    other.service.start()
    user = other.service.user("rita", TOKEN)
    assert other.shell("kanto users list") == "rita\t1 cluster\tenabled\n"
    assert user.job(job)["status"] == "succeeded"
    wait_until("what the clusters held to be called lost", lambda: "data_lost" in reasons(user, "copied"))
    user.result("delete", cluster_tag="copied")
    assert user.result("create", cluster_tag="copied", replicas=2)["Status"] == "ready"


def test_a_copy_of_redis_is_told_from_one_that_was_written_anew_meanwhile(make_place: MakePlace) -> None:
    place = make_place()
    place.service.start()
    inside = Inside(place.service)
    before = BLOCKS["back-up"].splitlines()[0]
    place.shell(before)
    inside.redis.bgrewriteaof()
    wait_until("its files written anew", lambda: inside.redis.info("persistence")["aof_rewrite_in_progress"] == 0)
    place.shell("kanto users add ann --generate")
    rest = BLOCKS["back-up"].removeprefix(before)
    assert "differ" in place.fails(rest)


def test_a_whole_home_goes_on_in_another_folder(make_place: MakePlace) -> None:
    place = make_place()
    service = place.service
    service.start()
    user = service.user("rita", TOKEN)
    before = user.result("create", cluster_tag="moved", replicas=3)
    put_all(user.couch(before["Endpoint"]), "test", numbered(20))
    service.stop()
    other = make_place("other")
    place.own["/somewhere/else/.kanto"] = str(other.service.home)
    place.run("copy-home")
    service.home.rename(service.home.with_name("lost"))
    other.service.start()
    user = other.service.user("rita", TOKEN)
    after = user.ready("moved")
    assert [one["Uuid"] for one in after["Instances"]] == [one["Uuid"] for one in before["Instances"]]
    assert_everywhere(user, "moved", {f"doc{n}" for n in range(20)})


def test_a_new_password_of_our_own_redis(make_place: MakePlace) -> None:
    place = make_place()
    service = place.service
    service.start()
    user = service.user("rita", TOKEN)
    user.result("create", cluster_tag="single", replicas=1)
    file = service.home / "redis" / "password"
    former, mode = file.read_text(), file.stat().st_mode
    service.stop()
    place.run("new-password")
    assert file.read_text() != former
    assert file.stat().st_mode == mode
    service.start()
    user.ready("single")
    port = (service.home / "redis" / "port").read_text().strip()
    assert place.shell(PING, HOST="127.0.0.1", PORT=port, REDISCLI_AUTH=file.read_text().strip()) == "PONG\n"
    assert "PONG" not in place.shell(PING, HOST="127.0.0.1", PORT=port, REDISCLI_AUTH=former.strip())


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator["MakeServer"]:
    with ExitStack() as ends:

        def make(name: str, password: str) -> RedisServer:
            server = RedisServer(tmp_path / name, password=password)
            server.start()
            ends.callback(server.kill)
            return server

        yield make


MakeServer = Callable[[str, str], RedisServer]


@pytest.mark.parametrize("is_own", [False, True], ids=["a Redis elsewhere", "the Redis of make run"])
def test_redis_moves_to_another_server(make_place: MakePlace, make_server: MakeServer, *, is_own: bool) -> None:
    """In the middle of a job: what was accepted goes on, and clients are told to come again meanwhile."""
    named = {} if is_own else {"KANTO_REDIS_URL": make_server("old", PASSWORD).url}
    place = make_place(KANTO_UPKEEP_INTERVAL="2", **named)
    service = place.service
    service.start()
    old = own_redis(service) if is_own else urlsplit(named["KANTO_REDIS_URL"])
    new = make_server("new", str(old.password))
    user = service.user("rita", TOKEN)
    made = user.result("create", cluster_tag="moved", replicas=2)
    put_all(user.couch(made["Endpoint"]), "test", numbered(20))
    ended = user.begin("replicate", cluster_tag="moved", databases="orders")
    assert user.ended(ended)["status"] == "succeeded"
    here, there = ("127.0.0.1", str(old.port)), ("127.0.0.1", str(new.port))

    def ends(source: tuple[str, str] = here, target: tuple[str, str] = there) -> dict[str, str]:
        named = {"OLD": source[0], "OLD_PORT": source[1], "NEW": target[0], "NEW_PORT": target[1]}
        return {**named, "REDISCLI_AUTH": str(old.password)}

    place.run("follow", **ends())
    assert status(user) == 200, "kanto goes on meanwhile"
    place.run("change-places", **ends())
    assert status(user) == 503
    place.run("change-places", **ends(there, here))
    wait_until("kanto to go on by itself after the way back", service.is_ready)
    with held_still(service.processes("-m worker")):
        accepted = user.begin("scale", cluster_tag="moved", replicas=4)
        place.run("change-places", **ends())

    answer = user.post("scale", cluster_tag="moved", replicas=1)
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    asked = httpx.get(f"{service.url}/v0/jobs/{accepted}", auth=user.login, timeout=10)
    assert (asked.status_code, "Retry-After" in asked.headers) == (503, True)
    assert user.couch(made["Endpoint"]).put("/test/meanwhile", json={}).status_code == 201

    service.stop()
    service.settings["KANTO_REDIS_URL"] = new.url
    service.start()
    assert user.ended(accepted)["status"] == "succeeded"
    assert user.job(ended)["status"] == "succeeded"
    after = user.ready("moved")
    assert (len(after["Instances"]), after["Databases"]) == (4, ["_users", "orders", "test"])
    assert after["Endpoint"] == made["Endpoint"]
    assert_everywhere(user, "moved", {"meanwhile", *(f"doc{n}" for n in range(20))})


def own_redis(service: Service) -> SplitResult:
    port, password = ((service.home / "redis" / name).read_text().strip() for name in ("port", "password"))
    return urlsplit(f"redis://:{password}@127.0.0.1:{port}/0")


@contextmanager
def held_still(pids: list[int]) -> Iterator[None]:
    """Processes that keep their sockets and do nothing meanwhile."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_new_password_of_another_redis(make_place: MakePlace, make_server: MakeServer) -> None:
    server = make_server("redis", PASSWORD)
    place = make_place(KANTO_REDIS_URL=server.url)
    service = place.service
    service.start()
    user = service.user("rita", TOKEN)
    user.result("create", cluster_tag="single", replicas=1)
    at = {"HOST": "127.0.0.1", "PORT": str(server.port)}
    place.run("add-password", NEW_PASSWORD=NEW_PASSWORD, REDISCLI_AUTH=PASSWORD, **at)
    assert status(user) == 200, "the old one counts still"
    service.stop()
    service.settings["KANTO_REDIS_URL"] = server.url.replace(PASSWORD, NEW_PASSWORD)
    service.start()
    place.run("drop-password", OLD_PASSWORD=PASSWORD, REDISCLI_AUTH=NEW_PASSWORD, **at)
    user.ready("single")
    assert place.shell(PING, REDISCLI_AUTH=NEW_PASSWORD, **at) == "PONG\n"
    assert "PONG" not in place.shell(PING, REDISCLI_AUTH=PASSWORD, **at)
