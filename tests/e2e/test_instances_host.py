"""Instances in the hands of a host of their own, as in compose: workers reach it over a socket, and data outlive it."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.conftest import MakeService
from tests.e2e.service import wait_until
from tests.e2e.writers import assert_everywhere, numbered, put_all

PORTS = "28000-28199"


@contextmanager
def host(home: Path, path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """`python -m worker instances`, ended with the block by SIGTERM as a container's end does it."""
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "KANTO_PLATFORM": "process",
        "KANTO_HOME": str(home),
        "KANTO_INSTANCES_SOCKET": str(path),
        "KANTO_INSTANCE_PORTS": PORTS,
    }
    process = subprocess.Popen([sys.executable, "-m", "worker", "instances"], env=environment)
    try:
        wait_until("the host's socket", path.exists)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0


def test_a_cluster_lives_with_its_host_and_is_whole_again_with_the_next(
    make_service: MakeService, tmp_path: Path
) -> None:
    home, path = tmp_path / "instances", tmp_path / "instances.sock"
    with host(home, path):
        service = make_service(KANTO_INSTANCES_SOCKET=str(path), KANTO_UPKEEP_INTERVAL="2")
        user = service.user("hostess")
        made = user.result("create", cluster_tag="held", replicas=3)
        put_all(user.couch(made["Endpoint"]), "test", numbered(50))
        assert_everywhere(user, "held", {f"doc{n}" for n in range(50)})
    wait_until("that nothing is known of it", lambda: user.detail("held")["Status"] == "unknown")
    with host(home, path):
        user.ready("held")
        assert_everywhere(user, "held", {f"doc{n}" for n in range(50)})
        user.result("scale", cluster_tag="held", replicas=1)
        assert_everywhere(user, "held", {f"doc{n}" for n in range(50)})
        user.result("delete", cluster_tag="held")
