"""Logins: Basic and cookie, on one server and on its siblings, and what the password cache remembers."""

import secrets
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.contract.couch.answers import expect
from tests.contract.couch.couch import Couch, hash_line


@pytest.fixture
def new_admin(couch: Couch) -> Iterator[Callable[[str], str]]:
    """Writes an admin line under a new name."""
    names: list[str] = []

    def admin(line: str) -> str:
        names.append(f"a{secrets.token_hex(4)}")
        couch.set_config("admins", names[-1], line)
        return names[-1]

    yield admin
    for name in names:
        couch.drop_config("admins", name)


def log_in(couch: Couch, name: str, password: str) -> httpx.Response:
    with couch.as_nobody() as nobody:
        return nobody.post("/_session", json={"name": name, "password": password})


def who(couch: Couch, cookie: str) -> httpx.Response:
    """The session of a cookie, which is taken off the client again."""
    with couch.as_nobody() as nobody:
        return nobody.get("/_session", headers={"Cookie": f"AuthSession={cookie}"})


def status_of(couch: Couch, name: str, password: str) -> int:
    with couch.as_user(name, password) as client:
        return client.get("/_session").status_code


def test_basic_and_no_login(couch: Couch) -> None:
    body = expect(couch.client.get("/_session"), "session_basic")
    assert body["userCtx"] == {"name": couch.admin, "roles": ["_admin"]}
    with couch.as_nobody() as nobody:
        assert expect(nobody.get("/_session"), "noauth__session")["userCtx"] == {"name": None, "roles": []}


def test_a_login_gives_a_cookie_that_counts(couch: Couch) -> None:
    answer = log_in(couch, couch.admin, couch.password)
    expect(answer, "session_post_ok")
    assert "HttpOnly" in answer.headers["set-cookie"]
    body = who(couch, answer.cookies["AuthSession"]).json()
    assert body["userCtx"]["name"] == couch.admin
    assert body["info"]["authenticated"] == "cookie"


def test_a_login_may_be_a_form(couch: Couch) -> None:
    with couch.as_nobody() as nobody:
        answer = nobody.post("/_session", data={"name": couch.admin, "password": couch.password})
    expect(answer, "session_post_ok")


def test_wrong_names_and_passwords_are_401(couch: Couch) -> None:
    expect(log_in(couch, "nobody", "x"), "session_post_wrong")
    with couch.as_user(f"x{secrets.token_hex(4)}", "wrong") as stranger:
        expect(stranger.get("/_all_dbs"), "wrong_password")


def test_a_logout_empties_the_cookie(couch: Couch) -> None:
    answer = couch.client.delete("/_session")
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert answer.headers["set-cookie"].startswith("AuthSession=;")


def test_a_changed_cookie_is_nobodys(couch: Couch) -> None:
    cookie = log_in(couch, couch.admin, couch.password).cookies["AuthSession"]
    swapped = cookie[:-6] + ("A" if cookie[-6] != "A" else "B") + cookie[-5:]
    assert who(couch, swapped).json()["userCtx"]["name"] is None


def test_a_cookie_of_one_sibling_counts_on_the_other(pair: tuple[Couch, Couch]) -> None:
    one, other = pair
    lines = {couch.get_config("admins").get(couch.admin) for couch in pair}
    keys = {couch.get_config("chttpd_auth").get("secret") for couch in pair}
    if len(lines) > 1 or len(keys) > 1 or None in keys:
        pytest.skip("the servers of COUCH_URLS are no siblings: another secret or admin line")
    cookie = log_in(one, one.admin, one.password).cookies["AuthSession"]
    assert who(other, cookie).json()["userCtx"]["name"] == one.admin


def test_a_cookie_under_another_salt_is_an_anonymous_one(couch: Couch, new_admin: Callable[[str], str]) -> None:
    name = new_admin(hash_line("pw"))
    cookie = log_in(couch, name, "pw").cookies["AuthSession"]
    assert who(couch, cookie).json()["userCtx"]["name"] == name
    couch.set_config("admins", name, hash_line("pw"))
    assert who(couch, cookie).json()["userCtx"]["name"] is None


@pytest.mark.parametrize("prf", ["sha1", "sha256"])
@pytest.mark.parametrize("iterations", [1, 10])
def test_a_hashed_admin_line_is_taken_as_it_is(
    couch: Couch, new_admin: Callable[[str], str], prf: str, iterations: int
) -> None:
    line = hash_line("pw", prf=prf, iterations=iterations)
    name = new_admin(line)
    assert status_of(couch, name, "pw") == 200
    assert couch.get_config("admins")[name] == line


def test_a_clear_admin_password_is_hashed_when_set(couch: Couch, new_admin: Callable[[str], str]) -> None:
    name = new_admin("in the clear")
    assert couch.get_config("admins")[name].startswith("-pbkdf2:sha256-")
    assert status_of(couch, name, "in the clear") == 200


def test_a_line_without_iterations_is_refused(couch: Couch) -> None:
    line = hash_line("pw").rpartition(",")[0] + ",0"
    answer = couch.client.put("/_node/_local/_config/admins/contract-none", json=line)
    assert answer.status_code == 403


def test_a_new_password_under_the_same_salt_leaves_the_old_one_valid(
    couch: Couch, new_admin: Callable[[str], str]
) -> None:
    salt = secrets.token_hex(16)
    name = new_admin(hash_line("old", salt=salt))
    assert status_of(couch, name, "old") == 200
    couch.set_config("admins", name, hash_line("new", salt=salt))
    assert status_of(couch, name, "old") == 200


def test_a_new_password_under_a_new_salt_ends_the_old_one(couch: Couch, new_admin: Callable[[str], str]) -> None:
    name = new_admin(hash_line("old"))
    assert status_of(couch, name, "old") == 200
    couch.set_config("admins", name, hash_line("new"))
    assert (status_of(couch, name, "old"), status_of(couch, name, "new")) == (401, 200)


def test_five_wrong_passwords_lock_an_account(couch: Couch, new_user: Callable[..., tuple[str, str]]) -> None:
    name, password = new_user()
    assert [status_of(couch, name, "wrong") for _ in range(5)] == [401] * 5
    with couch.as_user(name, password) as user:
        expect(user.get("/_session"), "lockout_403")
    couch.set_config("chttpd_auth_lockout", "mode", "off", persist=False)
    try:
        assert status_of(couch, name, password) == 200
    finally:
        couch.set_config("chttpd_auth_lockout", "mode", "enforce", persist=False)


def test_no_wrong_passwords_lock_an_account_when_that_is_off(
    couch: Couch, new_user: Callable[..., tuple[str, str]]
) -> None:
    name, password = new_user()
    couch.set_config("chttpd_auth_lockout", "mode", "off", persist=False)
    try:
        assert [status_of(couch, name, "wrong") for _ in range(7)] == [401] * 7
        assert status_of(couch, name, password) == 200
    finally:
        couch.set_config("chttpd_auth_lockout", "mode", "enforce", persist=False)


def test_anonymous_requests_can_be_refused_but_for_health_and_login(couch: Couch) -> None:
    couch.set_config("chttpd", "require_valid_user_except_for_up", "true", persist=False)
    try:
        with couch.as_nobody() as nobody:
            expect(nobody.get("/_up"), "fenced_up")
            for path in ("/", "/_all_dbs"):
                answer = nobody.get(path)
                assert (answer.status_code, answer.json()["reason"]) == (401, "Authentication required.")
        expect(log_in(couch, couch.admin, couch.password), "session_post_ok")
    finally:
        couch.set_config("chttpd", "require_valid_user_except_for_up", "false", persist=False)
