"""The identity of an instance belongs to its data: made with the folder, new when the data are new."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from common.codec import decode, encode
from worker.platforms.process import files
from worker.platforms.process.layout import ClusterPlace, InstancePlace

DRAFT = ".new-"


@dataclass(frozen=True, slots=True)
class Identity:
    """`uuid` is CouchDB's own too; `port` stays for life, since a replication's id holds it."""

    ordinal: int
    incarnation: str
    uuid: str
    port: int


def load(place: InstancePlace) -> Identity | None:
    """None when there is no such instance; PermanentError when its file cannot be read."""
    text = files.read(place.identity)
    return None if text is None else decode(Identity, text)


def make(place: ClusterPlace, identity: Identity) -> None:
    """A new instance without data. Its folder gets its name once it is complete, so there is no half of one."""
    new = place.instances / f"{DRAFT}{identity.uuid}"
    files.make_folder(new)
    draft = InstancePlace(new)
    files.make_folder(draft.settings)
    files.write(draft.identity, encode(identity))
    _make_data(draft, identity.uuid)
    new.rename(place.instance(identity.ordinal).folder)
    files.sync(place.instances)


def ensure_data(place: InstancePlace, identity: Identity, *, token: Callable[[int], str]) -> Identity:
    """The identity of the data that are there.

    Whoever emptied or exchanged the folder made other data of it: under the old uuid they would count as filled.
    """
    if has_its_data(place, identity):
        return identity
    new = replace(identity, uuid=token(16))
    files.write(place.identity, encode(new))
    _make_data(place, new.uuid)
    return new


def has_its_data(place: InstancePlace, identity: Identity) -> bool:
    """Whether the data are those that the identity was made with."""
    return files.read(_mark(place)) == identity.uuid


def _make_data(place: InstancePlace, uuid: str) -> None:
    files.make_folder(place.data / "couchdb")
    files.write(_mark(place), uuid)


def _mark(place: InstancePlace) -> Path:
    """Beside the databases, so that it goes when they go."""
    return place.data / "uuid"
