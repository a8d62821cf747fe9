"""The servers that the suite runs on: those of COUCH_URLS, else stand-ins of its own."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.contract.couch.couch import Couch, hash_line
from tests.contract.couch.standin import PASSWORD, StandIn
from tests.contract.couch.waiting import wait_for


@pytest.fixture(scope="session")
def couches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Couch, ...]]:
    """All servers, ready to be used."""
    with ExitStack() as stack:
        urls = [url.strip() for url in os.environ.get("COUCH_URLS", "").split(",") if url.strip()]
        if not urls:
            urls = [standin.url for standin in start_standins(tmp_path_factory, stack)]
        found = tuple(Couch.at(url) for url in urls)
        for couch in found:
            stack.enter_context(couch.client)
            wait_for(couch.is_up, f"{couch.base} to be up")
            # single_node makes its databases a moment after _up is 200.
            for name in ("_users", "_replicator"):
                wait_for(partial(has_database, couch, name), f"{name} at {couch.base}")
            couch.hurry()
        yield found


def has_database(couch: Couch, name: str) -> bool:
    return couch.client.get(f"/{name}").status_code == 200


def start_standins(factory: pytest.TempPathFactory, stack: ExitStack) -> list[StandIn]:
    """Two siblings: one cookie secret, one admin line."""
    secret, line = secrets.token_hex(16), hash_line(PASSWORD)
    root = factory.mktemp("couch")
    made = [StandIn.make(root / name, secret=secret, line=line) for name in ("one", "two")]
    for standin in made:
        standin.start()
        stack.callback(standin.end)
    return made


@pytest.fixture
def couch(couches: tuple[Couch, ...]) -> Couch:
    return couches[0]


@pytest.fixture
def pair(couches: tuple[Couch, ...]) -> tuple[Couch, Couch]:
    if len(couches) < 2:
        pytest.skip("this needs two servers in COUCH_URLS")
    return couches[0], couches[1]


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[StandIn]:
    """A stand-in of the test's own, to be killed and started again."""
    if os.environ.get("COUCH_URLS"):
        pytest.skip("this starts and kills a server itself, so it runs without COUCH_URLS only")
    made = StandIn.make(tmp_path / "own", secret=secrets.token_hex(16))
    made.start()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.end()


@pytest.fixture
def new_name(couches: tuple[Couch, ...]) -> Iterator[Callable[[], str]]:
    """Names of databases; whatever was made under them, on any server, is deleted afterwards."""
    names: list[str] = []

    def name() -> str:
        names.append(f"contract-{secrets.token_hex(6)}")
        return names[-1]

    yield name
    for couch in couches:
        for made in names:
            assert couch.client.delete(f"/{made}").status_code in {200, 404}


@pytest.fixture
def db(couch: Couch, new_name: Callable[[], str]) -> str:
    """An empty database on the first server; of one shard, whose changes are in the order of their writes."""
    name = new_name()
    assert couch.client.put(f"/{name}", params={"q": 1}).status_code == 201
    return name


@pytest.fixture
def new_user(couch: Couch) -> Iterator[Callable[..., tuple[str, str]]]:
    """Makes users in _users: their name and password. Deleted afterwards."""
    made: list[str] = []

    def user(**more: object) -> tuple[str, str]:
        name, password = f"u{secrets.token_hex(4)}", secrets.token_hex(8)
        doc = {"name": name, "password": password, "roles": [], "type": "user", **more}
        answer = couch.client.put(f"/_users/org.couchdb.user:{name}", json=doc)
        assert answer.status_code == 201, answer.text
        made.append(name)
        return name, password

    yield user
    for name in made:
        drop_document(couch, f"/_users/org.couchdb.user:{name}")


@pytest.fixture
def new_replication(couches: tuple[Couch, ...]) -> Iterator[Callable[[], str]]:
    """Ids for documents of _replicator; whatever was made under them is deleted afterwards."""
    ids: list[str] = []

    def doc_id() -> str:
        ids.append(f"contract:{secrets.token_hex(6)}")
        return ids[-1]

    yield doc_id
    for couch in couches:
        for made in ids:
            drop_document(couch, f"/_replicator/{made}")


def drop_document(couch: Couch, path: str) -> None:
    """Deletes a document that its server may be writing to as well."""

    def is_gone() -> bool:
        found = couch.client.get(path)
        if found.status_code == 404:
            return True
        couch.client.delete(path, params={"rev": found.json()["_rev"]})
        return False

    wait_for(is_gone, f"{path} to be deleted")
