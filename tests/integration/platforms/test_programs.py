"""What is run in an instance's folder: the stand-in of this project, and a release's bin/couchdb."""

import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from common.passwords import admin_line
from tests.homes import SPEC, build_platform, instances, until
from tests.integration.platforms import http
from worker.platforms.process import processes, program
from worker.platforms.process.layout import HomePlace
from worker.platforms.process.program import Release
from worker.ports import Credentials

FAKE = Path(__file__).parents[2] / "fake_couchdb.py"
HAS_STAND_IN = (program.STAND_IN.parent.parent / "node_modules").is_dir()

RELEASE = f"""#!/bin/sh
cd "$(dirname "$0")/.." || exit 1
test -f "$COUCHDB_ARGS_FILE" && test -f "$HOME/.erlang.cookie" || exit 2
exec {sys.executable} -I -S {FAKE}
"""


def test_a_release_runs_from_its_own_folder(home: Path, tmp_path: Path) -> None:
    binary = tmp_path / "couchdb" / "bin" / "couchdb"
    (tmp_path / "couchdb" / "etc").mkdir(parents=True)
    (tmp_path / "couchdb" / "etc" / "default.ini").write_text("[chttpd]\nport = 1\n")
    binary.parent.mkdir()
    binary.write_text(RELEASE)
    binary.chmod(0o700)
    platform = build_platform(home, program=Release(binary))
    platform.claim(SPEC, 1)
    platform.provision(SPEC, (), 1)
    for instance in instances(platform, SPEC):
        http.wait_for(instance.address)
        assert http.get(instance.address)["uuid"] == instance.identity
    place = HomePlace.of(home).cluster(SPEC)
    cookies = {(place.instance(n).settings / ".erlang.cookie").read_text() for n in place.ordinals()}
    assert len(cookies) == 3
    for ordinal in place.ordinals():
        process = processes.read_process(place.instance(ordinal).folder)
        assert process is not None
        words = Path(f"/proc/{process.pid}/cmdline").read_text()
        assert not any(cookie in words for cookie in cookies)


@pytest.mark.skipif(not HAS_STAND_IN, reason="the npm packages of dev/couchdb are not installed")
def test_the_stand_in_takes_our_logins_and_each_others_cookies(home: Path) -> None:
    line = admin_line("Ty5wvW7LuQ3T", salt="0a1b2c3d", iterations=10)
    spec = replace(SPEC, replicas=2, admin_line=line)
    platform = build_platform(home, program=program.stand_in())
    platform.claim(spec, 1)
    platform.provision(spec, (), 1)
    first, second = instances(platform, spec)
    for instance in (first, second):
        http.wait_for(f"{instance.address}/_up")
    own = platform.credentials(spec)
    assert isinstance(own, Credentials)
    with httpx.Client(trust_env=False, timeout=30) as client:

        def has_system_databases() -> bool:
            return "_users" in client.get(f"{first.address}/_all_dbs", auth=(own.name, own.password)).json()

        until(has_system_databases, "the system databases are there")
        for instance in (first, second):
            for login in ((own.name, own.password), (spec.admin_name, "Ty5wvW7LuQ3T")):
                session = client.get(f"{instance.address}/_session", auth=login).json()
                assert session["userCtx"] == {"name": login[0], "roles": ["_admin"]}
            assert client.get(f"{instance.address}/", auth=(own.name, own.password)).json()["uuid"] == instance.identity
        given = client.post(f"{first.address}/_session", json={"name": "johny2", "password": "Ty5wvW7LuQ3T"})
        cookie = {"Cookie": given.headers["Set-Cookie"].partition(";")[0]}
    session = httpx.get(f"{second.address}/_session", headers=cookie, trust_env=False, timeout=30).json()
    assert session["userCtx"]["name"] == "johny2"
