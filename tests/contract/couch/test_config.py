"""Settings at run time: read, kept, forgotten, and what a restart makes of them."""

from collections.abc import Iterator

import pytest

from tests.contract.couch.answers import expect
from tests.contract.couch.couch import Couch
from tests.contract.couch.standin import ADMIN, PASSWORD, StandIn
from tests.contract.couch.waiting import wait_for

SECTION = "contract"


@pytest.fixture
def config(couch: Couch) -> Iterator[str]:
    """The path of a section of the test's own."""
    path = f"/_node/_local/_config/{SECTION}"
    yield path
    for key in couch.get_config(SECTION):
        couch.drop_config(SECTION, key)


def test_what_was_never_set_is_404_and_its_section_empty(couch: Couch) -> None:
    expect(couch.client.get("/_node/_local/_config/nosuch/key"), "config_missing_key")
    assert expect(couch.client.get("/_node/_local/_config/nosuch"), "config_missing_section") == {}


def test_a_value_is_set_with_the_old_one_as_answer(couch: Couch, config: str) -> None:
    assert couch.client.put(f"{config}/key", json="one").json() == ""
    assert couch.client.put(f"{config}/key", json="two").json() == "one"
    assert couch.client.get(f"{config}/key").json() == "two"
    assert couch.client.get(config).json() == {"key": "two"}
    assert couch.client.get("/_node/_local/_config").json()[SECTION] == {"key": "two"}


def test_a_value_is_deleted_with_it_as_answer(couch: Couch, config: str) -> None:
    couch.client.put(f"{config}/key", json="one")
    assert couch.client.delete(f"{config}/key").json() == "one"
    expect(couch.client.get(f"{config}/key"), "config_missing_key")


def test_the_admins_and_the_uuid_are_settings(couch: Couch) -> None:
    assert couch.get_config("admins")[couch.admin].startswith("-pbkdf2")
    uuid = expect(couch.client.get("/_node/_local/_config/couchdb/uuid"), "config_uuid")
    assert uuid == couch.client.get("/").json()["uuid"]


@pytest.fixture
def own(standin: StandIn) -> Iterator[Couch]:
    couch = Couch.at(standin.url)
    with couch.client:
        yield couch


def restart(couch: Couch, standin: StandIn) -> None:
    standin.end()
    standin.start()
    wait_for(couch.is_up, "the server to be up again")


def test_a_value_is_kept_in_the_last_file(own: Couch, standin: StandIn) -> None:
    own.set_config(SECTION, "kept", "yes")
    own.set_config(SECTION, "unkept", "yes", persist=False)
    assert own.get_config(SECTION) == {"kept": "yes", "unkept": "yes"}
    assert "kept = yes" in (standin.folder / "20-last.ini").read_text("utf-8")
    assert SECTION not in (standin.folder / "10-lower.ini").read_text("utf-8")
    restart(own, standin)
    assert own.get_config(SECTION) == {"kept": "yes"}


def test_deleting_falls_back_to_a_lower_file(own: Couch) -> None:
    before = own.get_config("admins")[ADMIN]
    own.set_config("admins", ADMIN, "another")
    with own.as_user(ADMIN, "another") as admin:
        assert admin.delete(f"/_node/_local/_config/admins/{ADMIN}").status_code == 200
    assert own.get_config("admins") == {ADMIN: before}
    with own.as_user(ADMIN, PASSWORD) as admin:
        assert admin.get("/_all_dbs").status_code == 200


def test_the_uuid_stays(own: Couch, standin: StandIn) -> None:
    before = own.client.get("/").json()["uuid"]
    restart(own, standin)
    assert own.client.get("/").json()["uuid"] == before
