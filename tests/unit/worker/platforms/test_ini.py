import configparser
from pathlib import Path

import pytest

from api.fields import MAX_DATABASES
from common.errors import PermanentError
from worker.platforms.ini import Ini, build_ini, render


def built(admins: dict[str, str]) -> Ini:
    return build_ini(
        uuid="u1", secret="s1", admins=admins, port=20_001, bind="127.0.0.1", data=Path("/home/k/instances/0/data")
    )


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text)
    return parser


def test_what_is_written_comes_back() -> None:
    line = "-pbkdf2:sha256-00ff,salt,10"
    ini = built({"kanto-1": line, "Ann@Example.com": line})
    text = parsed(render(ini, last="server.ini"))
    assert {section: dict(text[section]) for section in text.sections()} == {s: dict(v) for s, v in ini.items()}


def test_it_has_the_settings_that_a_ring_needs_from_the_start() -> None:
    ini = built({})
    assert ini["couchdb"]["uuid"] == "u1"
    assert ini["couchdb"]["single_node"] == "true"
    assert ini["chttpd_auth"]["secret"] == "s1"
    assert ini["chttpd"] == {"port": "20001", "bind_address": "127.0.0.1"}
    assert ini["cluster"] == {"q": "1", "n": "1"}
    assert ini["replicator"]["startup_jitter"] == "100"


def test_all_links_of_the_longest_saved_list_run_at_once() -> None:
    ini = built({})
    links, fills = 2, 1  # of an instance, while another one is down and it is being filled
    assert int(ini["replicator"]["max_jobs"]) >= MAX_DATABASES * (links + fills)
    assert int(ini["couchdb"]["max_dbs_open"]) > MAX_DATABASES


@pytest.mark.parametrize("admins", [{"a": "x\n[admins]\nb = y"}, {"a=b": "x"}, {"[a]": "x"}, {"a": "x ;y"}])
def test_what_would_not_come_back_is_refused(admins: dict[str, str]) -> None:
    with pytest.raises(PermanentError):
        render(built(admins), last="server.ini")
