"""How secrets are kept: a database admin's password as CouchDB keeps it, a user's token as argon2id."""

import hashlib

from argon2 import PasswordHasher


def build_hasher() -> PasswordHasher:
    """argon2id with 19 MiB, two passes and one lane: about 20 ms (OWASP, Password Storage Cheat Sheet)."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def admin_line(password: str, *, salt: str, iterations: int) -> str:
    """`-pbkdf2:sha256-HEX,SALT,ITER`, as CouchDB 3.4 and newer take it (the salt is used as ASCII text).

    `[admins]` and COUCHDB_PASSWORD take it verbatim.

    The salt must be new with each new password: CouchDB's cache of logins is keyed by name and salt.
    """
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode("ascii"), iterations)
    return f"-pbkdf2:sha256-{digest.hex()},{salt},{iterations}"
