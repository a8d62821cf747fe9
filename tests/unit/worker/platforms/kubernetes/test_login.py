import base64
import configparser
import itertools
from typing import Any

import pytest
from kubernetes import client as models

from common.errors import PermanentError
from worker.platforms.kubernetes import pod
from worker.platforms.kubernetes.login import INI, LOGIN, build_login, read_login
from worker.platforms.login import make_login

from .clusters import ANCHOR_UID, a_frame


def tokens() -> Any:
    numbers = itertools.count(1)
    return lambda size: f"{next(numbers):02x}" * size


def secret() -> dict[str, Any]:
    return build_login(a_frame(), make_login(tokens()), databases=pod.DATABASES, last=pod.LAST_INI)


def test_what_was_put_in_comes_out() -> None:
    assert read_login(secret()["data"], name="x") == make_login(tokens())


def test_the_api_takes_it_and_nobody_changes_it() -> None:
    found = secret()
    models.V1Secret.model_validate({**found, "data": {}})  # the models want bytes where the API has base64
    assert found["immutable"]
    assert found["metadata"]["ownerReferences"][0]["uid"] == ANCHOR_UID


def test_pods_read_hashed_admins_a_common_secret_and_where_data_are() -> None:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    login, text = make_login(tokens()), base64.b64decode(secret()["data"][INI]).decode()
    parser.read_string(text)
    assert dict(parser["admins"]) == {login.name: login.line, "johny2": "-pbkdf2:sha256-00ff,salt,10"}
    assert parser["chttpd_auth"]["secret"] == login.secret
    assert dict(parser["chttpd"]) == {"port": "5984", "bind_address": "any"}
    assert parser["couchdb"]["database_dir"] == "/opt/couchdb/data/couchdb"
    assert "uuid" not in parser["couchdb"]
    assert login.password not in text


def test_the_images_entry_point_finds_an_admin() -> None:
    """It looks for the line `[admins]` with an admin right below, else it refuses to start."""
    lines = base64.b64decode(secret()["data"][INI]).decode().splitlines()
    assert lines[lines.index("[admins]") + 1].startswith("kanto-")


@pytest.mark.parametrize("data", [None, {}, {LOGIN: "%"}, {LOGIN: base64.b64encode(b"\xff").decode()}])
def test_a_damaged_secret_is_an_error_for_people(data: dict[str, str] | None) -> None:
    with pytest.raises(PermanentError, match="Secret cdb-login"):
        read_login(data, name="cdb-login")
