from hypothesis import given
from hypothesis import strategies as st

from worker.core.observed import Fence
from worker.couch.fence_config import (
    Config,
    dead_line,
    fence_values,
    has_all_values,
    is_dead,
    is_fence_value,
    read_fence,
)
from worker.ports import Credentials

LOGIN = Credentials("kanto", "pw")
OWN_LINE = "-pbkdf2-aa,bb,10"


def config(nonce: str, *, admins: dict[str, str] | None = None, **kanto: str) -> Config:
    """What CouchDB answers when every value of the fence is there."""
    found: dict[str, dict[str, str]] = {"admins": {"kanto": OWN_LINE, **(admins or {})}, "kanto": kanto}
    for (section, key), value in fence_values(nonce).items():
        found.setdefault(section, {})[key] = value
    return found


def test_a_fence_stands_with_its_nonce_all_values_and_dead_admins() -> None:
    dead = {"ann": dead_line("ann", "n", LOGIN)}
    assert read_fence(config("n", admins=dead, fenced="n"), LOGIN) == Fence("n")


def test_without_any_trace_there_is_no_fence() -> None:
    assert read_fence({"admins": {"kanto": OWN_LINE, "ann": OWN_LINE}, "chttpd": {"port": "5984"}}, LOGIN) is None


def test_the_nonce_alone_is_no_fence() -> None:
    assert read_fence({"admins": {"kanto": OWN_LINE}, "kanto": {"fenced": "n"}}, LOGIN) == Fence(None)


def test_each_missing_or_changed_value_breaks_it() -> None:
    for section, key in fence_values("n"):
        whole = {name: dict(values) for name, values in config("n", fenced="n").items()}
        whole[section][key] = "something else"
        assert read_fence(whole, LOGIN) == Fence(None)
        del whole[section][key]
        assert read_fence(whole, LOGIN) == Fence(None)


def test_an_admin_line_that_kanto_did_not_write_breaks_it() -> None:
    assert read_fence(config("n", admins={"ann": OWN_LINE}, fenced="n"), LOGIN) == Fence(None)


def test_all_values_without_a_nonce_are_not_a_fence_yet() -> None:
    assert read_fence(config("n", checked="n"), LOGIN) == Fence(None)


def test_values_of_another_nonce_are_not_all() -> None:
    assert not has_all_values(config("other"), "n", LOGIN)


@given(st.text(min_size=1, max_size=20).filter(lambda name: "," not in name), st.text(max_size=40))
def test_a_dead_line_is_known_again_under_its_own_name_only(name: str, nonce: str) -> None:
    line = dead_line(name, nonce, LOGIN)
    assert is_dead(name, line, LOGIN)
    assert not is_dead(name + "x", line, LOGIN)
    assert not is_dead(name, line, Credentials("kanto", "another"))


def test_every_fence_has_new_salts_since_couchdb_remembers_logins_by_them() -> None:
    assert dead_line("ann", "n", LOGIN) != dead_line("ann", "m", LOGIN)


@given(st.text())
def test_any_other_line_is_not_dead(line: str) -> None:
    assert not is_dead("ann", line, LOGIN)


def test_a_dead_line_has_the_form_of_couchdbs_own() -> None:
    kind, _, rest = dead_line("ann", "n", LOGIN).removeprefix("-").partition("-")
    key, salt, iterations = rest.split(",")
    assert kind == "pbkdf2"
    assert (len(bytes.fromhex(key)), len(salt), iterations) == (20, 32, "10")


def test_what_a_fence_of_another_nonce_left_is_known_as_a_fences() -> None:
    for (section, key), value in fence_values("another").items():
        assert is_fence_value(section, key, value)
    assert not is_fence_value("chttpd_auth", "authentication_db", "_users")
