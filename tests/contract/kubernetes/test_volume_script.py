"""What a container does to its volume before it is CouchDB, by each shell that images have."""

import configparser
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker.platforms.kubernetes.scripts import build_script

SHELLS = {"sh": ("sh",), "dash": ("dash",), "bash": ("bash", "--posix"), "busybox": ("busybox", "sh")}
SETTINGS = "[couchdb]\nsingle_node = true\n"

pytestmark = pytest.mark.skipif(
    shutil.which("flock") is None or not Path("/proc/sys/kernel/random/uuid").exists(), reason="needs Linux and flock"
)


class Volume:
    """A volume and a file of settings, as a pod's containers see them."""

    def __init__(self, folder: Path, shell: tuple[str, ...]) -> None:
        self.folder, self.settings, self.shell = folder / "volume", folder / "kanto.ini", shell
        self.folder.mkdir()
        self.settings.write_text(SETTINGS, encoding="utf-8")
        self.servers: list[subprocess.Popen[str]] = []

    def command(self, *program: str, tries: int = 1) -> list[str]:
        script = build_script(tries=tries)
        return [*self.shell, "-c", script, "test", str(self.folder), str(self.settings), *program]

    def run(self, *program: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*program), capture_output=True, text=True, timeout=30, check=False)

    def prepare(self) -> str:
        """The uuid that the volume has afterwards."""
        assert self.run().returncode == 0
        return (self.folder / "uuid").read_text(encoding="ascii")

    def serve(self) -> subprocess.Popen[str]:
        """A program that holds the volume until it is killed."""
        server = subprocess.Popen(
            self.command("sh", "-c", "echo up; exec sleep 300"), stdout=subprocess.PIPE, text=True
        )
        self.servers.append(server)
        assert server.stdout is not None
        assert server.stdout.readline() == "up\n"
        return server

    def end(self, server: subprocess.Popen[str]) -> None:
        server.send_signal(signal.SIGKILL)
        server.communicate(timeout=30)


@pytest.fixture(params=SHELLS)
def volume(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Volume]:
    shell = SHELLS[request.param]
    if shutil.which(shell[0]) is None:
        pytest.skip(f"there is no {shell[0]} here")
    made = Volume(tmp_path, shell)
    yield made
    for server in made.servers:
        made.end(server)


def settings_of(volume: Volume) -> configparser.ConfigParser:
    """What CouchDB would read: all ini files by name, later ones win."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(sorted((volume.folder / "local.d").glob("*.ini")))
    return parser


def test_the_same_volume_keeps_its_uuid_and_a_new_one_gets_another(volume: Volume, tmp_path: Path) -> None:
    uuid = volume.prepare()
    assert len(uuid) == 32
    assert int(uuid, 16)
    assert volume.prepare() == uuid
    other = tmp_path / "other"
    other.mkdir()
    assert Volume(other, volume.shell).prepare() != uuid


def test_settings_and_uuid_are_what_couchdb_reads(volume: Volume) -> None:
    uuid = volume.prepare()
    assert dict(settings_of(volume)["couchdb"]) == {"single_node": "true", "uuid": uuid}


def test_what_is_set_at_run_time_goes_to_the_last_file_and_stays(volume: Volume) -> None:
    volume.prepare()
    files = sorted((volume.folder / "local.d").iterdir())
    assert files[-1].name == "docker.ini"
    files[-1].write_text("[kanto]\nfenced = n1\n", encoding="utf-8")
    volume.prepare()
    assert settings_of(volume)["kanto"]["fenced"] == "n1"


def test_an_emptied_volume_is_new_data_without_a_fence(volume: Volume) -> None:
    uuid = volume.prepare()
    (volume.folder / "local.d" / "docker.ini").write_text("[kanto]\nfenced = n1\n", encoding="utf-8")
    shutil.rmtree(volume.folder / "couchdb")
    assert volume.prepare() != uuid
    assert "kanto" not in settings_of(volume)


def test_a_start_that_was_cut_before_the_uuid_is_gone_on_with(volume: Volume) -> None:
    (volume.folder / "couchdb").mkdir()
    (volume.folder / "uuid").touch()
    assert len(volume.prepare()) == 32


def test_nobody_else_reads_what_lies_there(volume: Volume) -> None:
    volume.prepare()
    assert [f for f in volume.folder.rglob("*") if f.stat().st_mode & 0o077] == []


def test_a_second_server_is_refused_while_the_first_lives(volume: Volume) -> None:
    first = volume.serve()
    second = volume.run("echo", "serving")
    assert second.returncode == 1
    assert second.stdout == ""
    assert "another server is using it" in second.stderr
    assert volume.run().returncode == 1
    volume.end(first)
    assert volume.run("echo", "serving").stdout == "serving\n"


def test_a_server_waits_for_one_that_is_ending(volume: Volume) -> None:
    first = volume.serve()
    second = subprocess.Popen(volume.command("echo", "serving", tries=60), stdout=subprocess.PIPE, text=True)
    try:
        volume.end(first)
        assert second.communicate(timeout=90)[0] == "serving\n"
    finally:
        second.kill()


def test_a_server_that_waits_can_be_ended(volume: Volume) -> None:
    volume.serve()
    second = subprocess.Popen(volume.command("echo", "serving", tries=1000), stdout=subprocess.PIPE, text=True)
    second.terminate()
    assert second.communicate(timeout=90)[0] == ""
    assert second.returncode in {143, -signal.SIGTERM}  # the first if the signal found it waiting already


def test_the_program_gets_its_arguments_as_they_are(volume: Volume) -> None:
    assert volume.run("printf", "%s|", "a b", "", "$HOME").stdout == "a b||$HOME|"
