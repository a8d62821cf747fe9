"""A cluster's life with compose: workers and instances die, all of it goes down and up, and the data stay."""

import os
import secrets
from pathlib import Path

import pytest

from dev.image.build import ROOT
from tests.compose.project import Project
from tests.e2e.service import wait_until
from tests.e2e.writers import assert_everywhere, numbered, put_all

pytestmark = pytest.mark.timeout(900)

TAG = "composed"


def running_below(name: str) -> list[str]:
    """Processes of the engine or in a container whose command line holds this name."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                line = entry.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if name in line:
                found.append(line)
    return found


def test_a_cluster_outlives_its_worker_its_instances_and_a_down_and_up(project: Project) -> None:
    token = secrets.token_hex(12)
    user = project.user("composer", token)
    project.up()
    made = user.result("create", cluster_tag=TAG, replicas=2)
    assert int(made["Endpoint"].rpartition(":")[2]) in project.ports
    put_all(user.couch(made["Endpoint"]), "test", numbered(50))
    everything = {f"doc{n}" for n in range(50)}
    assert_everywhere(user, TAG, everything)

    project.up("--scale", "worker=3")
    wait_until("three workers", lambda: len(project.containers("worker")) == 3)
    project.crash(project.containers("worker")[0])
    user.result("scale", cluster_tag=TAG, replicas=3)
    assert_everywhere(user, TAG, everything)

    project.crash(project.containers("instances")[0])
    wait_until("the endpoint to answer again", lambda: user.ready(TAG))
    assert_everywhere(user, TAG, everything)
    written = "\n".join(project.logs(container) for container in project.containers())
    assert "composed" in written or "cluster" in written, "the logs were not read"

    project.down()
    assert not project.containers()
    project.up()
    user.ready(TAG)
    assert_everywhere(user, TAG, everything)
    written += "\n".join(project.logs(container) for container in project.containers())
    assert token not in written
    assert project.password not in written

    user.result("delete", cluster_tag=TAG)
    project.down("--volumes")
    assert project.left() == {}
    assert running_below(project.name) == []


def test_each_container_is_confined_and_reached_from_this_machine_alone(project: Project) -> None:
    project.up()
    containers = project.containers()
    assert len(containers) == 4
    published = set()
    for container in containers:
        found = project.look(container)
        assert found["HostConfig"]["ReadonlyRootfs"], found["Name"]
        assert not found["EffectiveCaps"], found["Name"]
        assert "no-new-privileges" in str(found["HostConfig"]["SecurityOpt"]), found["Name"]
        assert found["Config"]["User"].partition(":")[0].isdecimal(), found["Name"]
        for bindings in found["NetworkSettings"]["Ports"].values():
            published |= {(each["HostIp"], int(each["HostPort"])) for each in bindings or []}
    assert published == {("127.0.0.1", port) for port in (project.port, *project.ports)}


def test_the_file_holds_no_password() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "PASSWORD" in line and not line.lstrip().startswith("#")]
    given = [line for line in lines if "KANTO_REDIS_PASSWORD" in line]
    assert given
    assert all("${KANTO_REDIS_PASSWORD:-}" in line for line in given)
