"""Writes an image as an archive that containerd and docker load: one layer, a configuration, a manifest.

The format is docker's image specification v1.2; the same image gives the same bytes.
"""

import hashlib
import io
import json
import stat
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SEARCH_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
EPOCH = "1970-01-01T00:00:00Z"
ROOTS = frozenset({"", "."})


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, link or folder of an image. Exactly one of `source` and `text`; a folder has none, a link a target."""

    path: str
    source: Path | None = None
    text: str | None = None
    link: str | None = None
    mode: int = 0o644
    owner: int = 0

    @property
    def kind(self) -> bytes:
        if self.link is not None:
            return tarfile.SYMTYPE
        return tarfile.DIRTYPE if self.source is None and self.text is None else tarfile.REGTYPE


@dataclass(frozen=True, slots=True)
class Image:
    """What an image holds and how it starts."""

    name: str
    entries: tuple[Entry, ...]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...] = ()
    user: str = ""
    folder: str = "/"
    ports: tuple[int, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """Of everything in it."""
        digest = hashlib.sha256()
        for entry in self.entries:
            digest.update(repr((entry.path, entry.text, entry.link, entry.mode, entry.owner)).encode())
            if entry.source is not None:
                with entry.source.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        digest.update(json.dumps(_config(self, "")).encode())
        return digest.hexdigest()[:20]


def write(image: Image, target: Path) -> None:
    """Write the archive; whoever reads `target` finds all of it or nothing."""
    layer, made = target.with_suffix(".layer"), target.with_suffix(".new")
    try:
        with tarfile.open(layer, "w") as tar:
            for entry in sorted(_with_folders(image.entries), key=lambda entry: entry.path):
                _add(tar, entry)
        with layer.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        config = json.dumps(_config(image, digest)).encode()
        config_name = hashlib.sha256(config).hexdigest() + ".json"
        manifest = [{"Config": config_name, "RepoTags": [image.name], "Layers": ["layer.tar"]}]
        with tarfile.open(made, "w") as tar:
            for name, blob in ((config_name, config), ("manifest.json", json.dumps(manifest).encode())):
                header = tarfile.TarInfo(name)
                header.size = len(blob)
                tar.addfile(header, io.BytesIO(blob))
            _add(tar, Entry("layer.tar", layer))
        made.rename(target)
    finally:
        layer.unlink(missing_ok=True)
        made.unlink(missing_ok=True)


def entries_of(folder: Path, target: str, *, leave_out: frozenset[str] = frozenset()) -> Iterator[Entry]:
    """A folder of this machine, at another place; without what has one of the names in `leave_out`."""
    for path in sorted(folder.iterdir()):
        if path.name in leave_out:
            continue
        place = f"{target}/{path.name}"
        if path.is_symlink():
            yield Entry(place, link=str(path.readlink()), mode=0o777)
        elif path.is_dir():
            yield from entries_of(path, place, leave_out=leave_out)
        else:
            yield Entry(place, path, mode=0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)


def _with_folders(entries: tuple[Entry, ...]) -> Iterator[Entry]:
    """Every folder on the way is an entry too, the given ones as they were given."""
    given = {entry.path for entry in entries}
    above = {str(parent) for entry in entries for parent in Path(entry.path).parents}
    yield from (Entry(path, mode=0o755) for path in above - given - ROOTS)
    yield from entries


def _add(tar: tarfile.TarFile, entry: Entry) -> None:
    header = tarfile.TarInfo(entry.path)
    header.type, header.mode, header.uid, header.gid = entry.kind, entry.mode, entry.owner, entry.owner
    header.linkname = entry.link or ""
    if entry.source is not None:
        header.size = entry.source.stat().st_size
        with entry.source.open("rb") as file:
            tar.addfile(header, file)
        return
    text = (entry.text or "").encode()
    header.size = len(text)
    tar.addfile(header, io.BytesIO(text))


def _config(image: Image, digest: str) -> dict[str, object]:
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": EPOCH,
        "config": {
            "Entrypoint": list(image.entrypoint),
            "Cmd": list(image.command),
            "Env": [SEARCH_PATH],
            "User": image.user,
            "WorkingDir": image.folder,
            "ExposedPorts": {f"{port}/tcp": {} for port in image.ports},
            "Labels": dict(image.labels),
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": EPOCH}],
    }
