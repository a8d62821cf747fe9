"""Images are archives that containerd and docker load."""

import hashlib
import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from dev.kubernetes.lab.images.archive import Entry, Image, entries_of, write


@pytest.fixture
def image(tmp_path: Path) -> Image:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    entries = (
        Entry("opt/app/bin/program", program, mode=0o755),
        Entry("bin/sh", link="busybox", mode=0o777),
        Entry("opt/app/data", mode=0o770, owner=5984),
        Entry("etc/passwd", text="root:x:0:0::/:/bin/sh\n"),
    )
    return Image("lab.local/app:1", entries, entrypoint=("/opt/app/bin/program",), user="5984", ports=(5984,))


def test_the_manifest_names_the_image_its_configuration_and_its_layer(image: Image, tmp_path: Path) -> None:
    with tarfile.open(written(image, tmp_path)) as archive:
        [manifest] = json.loads(content(archive, "manifest.json"))
        config = json.loads(content(archive, manifest["Config"]))
        layer = content(archive, *manifest["Layers"])
    assert manifest["RepoTags"] == ["lab.local/app:1"]
    assert manifest["Config"] == hashlib.sha256(json.dumps(config).encode()).hexdigest() + ".json"
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    assert config["config"]["User"] == "5984"
    assert config["config"]["ExposedPorts"] == {"5984/tcp": {}}


def test_the_layer_holds_every_entry_and_the_folders_on_its_way_first(image: Image, tmp_path: Path) -> None:
    with tarfile.open(written(image, tmp_path)) as archive:
        layer = io.BytesIO(content(archive, "layer.tar"))
    with tarfile.open(fileobj=layer) as root:
        names = root.getnames()
        data, shell, program = (root.getmember(name) for name in ("opt/app/data", "bin/sh", "opt/app/bin/program"))
    assert names == sorted({*names, "bin", "etc", "opt", "opt/app", "opt/app/bin"})
    assert (data.isdir(), data.mode, data.uid, data.gid) == (True, 0o770, 5984, 5984)
    assert (shell.issym(), shell.linkname) == (True, "busybox")
    assert (program.isreg(), program.mode, program.size, program.mtime) == (True, 0o755, 4, 0)


def test_the_same_image_gives_the_same_bytes_and_leaves_nothing_beside_them(image: Image, tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "image.tar", tmp_path / "b" / "image.tar"
    for target in (first, second):
        target.parent.mkdir()
        write(image, target)
        assert list(target.parent.iterdir()) == [target]
    assert first.read_bytes() == second.read_bytes()


def test_the_fingerprint_tells_a_changed_file_and_a_changed_start_from_the_same(image: Image, tmp_path: Path) -> None:
    before = image.fingerprint()
    assert image.fingerprint() == before
    assert replace(image, user="0").fingerprint() != before
    (tmp_path / "program").write_bytes(b"\x7fELG")
    assert image.fingerprint() != before


def test_a_folder_is_taken_with_its_links_and_without_what_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "lib" / "test").mkdir(parents=True)
    (tmp_path / "lib" / "test" / "a.js").touch()
    (tmp_path / "lib" / "b.js").touch()
    (tmp_path / "run").touch(mode=0o755)
    (tmp_path / "link").symlink_to("run")
    entries = {entry.path: entry for entry in entries_of(tmp_path, "app", leave_out=frozenset({"test"}))}
    assert sorted(entries) == ["app/lib/b.js", "app/link", "app/run"]
    assert (entries["app/link"].link, entries["app/run"].mode, entries["app/lib/b.js"].mode) == ("run", 0o755, 0o644)


def written(image: Image, folder: Path) -> Path:
    target = folder / "image.tar"
    write(image, target)
    return target


def content(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file is not None
    return file.read()
