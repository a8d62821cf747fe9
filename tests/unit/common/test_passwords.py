"""The admin line is CouchDB's own PBKDF2 string."""

from common.passwords import admin_line


def test_a_known_vector() -> None:
    """PBKDF2-HMAC-SHA256 of password, salt, one round: the published test vector."""
    digest = "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b"
    assert admin_line("password", salt="salt", iterations=1) == f"-pbkdf2:sha256-{digest},salt,1"


def test_salt_and_rounds_are_named_and_count() -> None:
    lines = {
        admin_line(password, salt=salt, iterations=rounds)
        for password in ("one", "two")
        for salt in ("a", "b")
        for rounds in (1, 2)
    }
    assert len(lines) == 8
    assert admin_line("one", salt="a1b2", iterations=10).endswith(",a1b2,10")


def test_a_password_may_be_any_text() -> None:
    assert admin_line("pässwörd", salt="a", iterations=1) != admin_line("passw0rd", salt="a", iterations=1)
