from pathlib import Path

import pytest

from common.errors import PermanentError
from worker.platforms.process import program
from worker.platforms.process.layout import InstancePlace
from worker.platforms.process.program import PlainProgram, Release


def make_program(folder: Path, *, is_release: bool) -> Path:
    binary = folder / "bin" / "couchdb"
    binary.parent.mkdir(parents=True)
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o700)
    if is_release:
        (folder / "etc").mkdir()
        (folder / "etc" / "default.ini").write_text("")
    return binary


def test_a_named_release_is_run_as_a_release(tmp_path: Path) -> None:
    binary = make_program(tmp_path / "couchdb", is_release=True)
    assert program.find(str(binary)) == Release(binary)


def test_a_link_to_a_release_is_followed(tmp_path: Path) -> None:
    binary = make_program(tmp_path / "couchdb", is_release=True)
    (tmp_path / "link").symlink_to(binary)
    assert program.find(str(tmp_path / "link")) == Release(binary)


def test_a_named_program_without_a_release_around_it_is_a_plain_one(tmp_path: Path) -> None:
    binary = make_program(tmp_path / "other", is_release=False)
    found = program.find(str(binary))
    assert isinstance(found, PlainProgram)
    assert found.command == (str(binary),)


def test_a_name_that_is_no_program_is_told(tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as refused:
        program.find(str(tmp_path / "nothing"))
    assert "KANTO_COUCHDB" in refused.value.message


def test_a_release_reads_its_own_defaults_first_and_the_servers_last(tmp_path: Path) -> None:
    place = InstancePlace(tmp_path / "0")
    launch = Release(Path("/opt/couchdb/bin/couchdb")).build_launch(place)
    assert launch.command == ("/opt/couchdb/bin/couchdb",)
    assert launch.environment["COUCHDB_INI_FILES"].split() == [
        "/opt/couchdb/etc/default.ini",
        str(tmp_path / "0/etc/kanto.ini"),
        str(tmp_path / "0/etc/server.ini"),
    ]


def test_each_node_has_a_name_of_its_own_and_a_cookie_that_nobody_sees(tmp_path: Path) -> None:
    place = InstancePlace(tmp_path / "0")
    release = Release(Path("/opt/couchdb/bin/couchdb"))
    files = release.files(place, "00112233445566778899", token=lambda _: "the-cookie")
    arguments = files[place.settings / "vm.args"]
    assert "-name kanto-001122334455@127.0.0.1" in arguments
    assert "the-cookie" not in arguments
    launch = release.build_launch(place)
    assert files[Path(launch.environment["HOME"]) / ".erlang.cookie"] == "the-cookie"
    assert launch.environment["COUCHDB_ARGS_FILE"] == str(place.settings / "vm.args")


def test_a_release_in_a_home_with_a_space_is_refused(tmp_path: Path) -> None:
    place = InstancePlace(tmp_path / "my home" / "0")
    with pytest.raises(PermanentError) as refused:
        Release(Path("/opt/couchdb/bin/couchdb")).build_launch(place)
    assert "space" in refused.value.message


def test_a_plain_program_bears_any_home(tmp_path: Path) -> None:
    launch = PlainProgram(("/x/couchdb",), "/node/bin").build_launch(InstancePlace(tmp_path / "my home" / "0"))
    assert launch.environment["COUCHDB_INI_FILES"] == "etc/kanto.ini etc/server.ini"
    assert launch.environment["PATH"].startswith("/node/bin:")
