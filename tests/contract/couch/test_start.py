"""How a stand-in starts. Only where the suite starts servers itself."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.contract.couch.couch import Couch
from tests.contract.couch.standin import PROGRAM, StandIn, find_node
from tests.contract.couch.waiting import wait_for
from tests.ports import free_port


@pytest.mark.skipif("COUCH_URLS" in os.environ, reason="this starts a server itself")
def test_without_an_admin_it_refuses_to_start(tmp_path: Path) -> None:
    ini = tmp_path / "last.ini"
    ini.write_text(f"[chttpd]\nport = {free_port()}\n", "utf-8")
    bare = {key: value for key, value in os.environ.items() if not key.startswith("COUCHDB_")}
    done = subprocess.run(
        [find_node(), str(PROGRAM)],
        env={**bare, "COUCHDB_INI_FILES": str(ini)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert "no admin is set" in done.stdout


@pytest.mark.skipif("COUCH_URLS" in os.environ, reason="this starts a server itself")
def test_it_takes_admin_and_secret_from_the_environment_of_the_image(tmp_path: Path) -> None:
    port = free_port()
    ini = tmp_path / "last.ini"
    ini.write_text(f"[chttpd]\nport = {port}\n[chttpd_auth]\niterations = 10\n", "utf-8")
    env = {"COUCHDB_INI_FILES": str(ini), "COUCHDB_USER": "me", "COUCHDB_PASSWORD": "mine", "COUCHDB_SECRET": "shared"}
    with subprocess.Popen([find_node(), str(PROGRAM)], env={**os.environ, **env}, stdout=subprocess.DEVNULL) as process:
        couch = Couch.at(f"http://me:mine@127.0.0.1:{port}")
        try:
            with couch.client:
                wait_for(couch.is_up, "the stand-in to be up")
                assert couch.get_config("chttpd_auth")["secret"] == "shared"
                assert couch.get_config("admins")["me"].startswith("-pbkdf2:sha256-")
                assert "mine" not in ini.read_text("utf-8")
        finally:
            process.terminate()


def test_it_says_what_it_is(standin: StandIn) -> None:
    line = (standin.folder / "log").read_text("utf-8").splitlines()
    assert len(line) == 1
    assert "stand-in" in line[0]
