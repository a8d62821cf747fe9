"""CouchDB's own way of keeping an admin's password.

A PBKDF2 string, taken verbatim by `[admins]` and COUCHDB_PASSWORD.
"""

import hashlib


def admin_line(password: str, *, salt: str, iterations: int) -> str:
    """`-pbkdf2:sha256-HEX,SALT,ITER`, as CouchDB 3.4 and newer take it (the salt is used as ASCII text).

    The salt must be new with each new password: CouchDB's cache of logins is keyed by name and salt.
    """
    digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode("ascii"), iterations)
    return f"-pbkdf2:sha256-{digest.hex()},{salt},{iterations}"
