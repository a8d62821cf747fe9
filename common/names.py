"""Names and their rules: users, tags, tokens, databases, and the name under which a cluster's objects run. Pure."""

import hashlib
import re
from functools import lru_cache

from common.errors import UserError

TAG_MIN = 4
TAG_MAX = 12
TAG_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"

# Regular expressions of whole names, in the little that Python and JSON Schema write alike.
USERNAME = r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}"
PRINTABLE = r"[!#-\[\]-~]"
"""A character: ASCII without space, quote and backslash."""
TOKEN = PRINTABLE + "{8,128}"
TAG = f"[a-z0-9]([a-z0-9-]{{0,{TAG_MAX - 2}}}[a-z0-9])?"
# CouchDB: a database's name begins with a lower-case letter, then letters, digits and _$()+-/ (docs, api/database).
DATABASE = r"[a-z][a-z0-9_$()+/-]{0,237}"
JOB_ID = "[0-9a-f]{32}"

SYSTEM_DATABASES = ("_users",)
"""The only database with a leading underscore that may be replicated: `_replicator` is each instance's own."""


def check_username(username: str, *, field: str = "username") -> str:
    """A user's name, or that of a database's login; `field` is how the form calls it, and part of the code."""
    if not re.fullmatch(USERNAME, username):
        raise UserError(
            f"bad_{field}",
            f"{field} must be 1 to 64 of A-Z a-z 0-9 . _ @ + - and begin with a letter or digit",
            action=f"Choose another {field}",
        )
    return username


def check_token(token: str, *, field: str = "token") -> str:
    """A token, or the password of a database's login; `field` is how the form calls it, and part of the code."""
    if not re.fullmatch(TOKEN, token):
        raise UserError(
            f"bad_{field}",
            f"{field} must be 8 to 128 printable ASCII characters without space, quote and backslash",
            action=f"Choose another {field}",
        )
    return token


def cut_tag(tag: str) -> str:
    """A tag as kanto uses it: cut to 12 characters, then checked. A tag is cut alike in every operation."""
    cut = tag[:TAG_MAX]
    if not re.fullmatch(TAG, cut):
        raise UserError(
            "bad_cluster_tag",
            f"cluster_tag must be of a-z 0-9 and -, with a letter or digit at both ends, after the cut to {TAG_MAX}",
            action="Choose another cluster_tag, such as my-test-db1",
        )
    return cut


def is_job_id(text: str) -> bool:
    """Whether a job may have this id: no other is looked for."""
    return re.fullmatch(JOB_ID, text) is not None


def check_database(name: str) -> str:
    """A database that can be in a saved list; UserError `bad_databases` otherwise."""
    if name in SYSTEM_DATABASES or re.fullmatch(DATABASE, name):
        return name
    raise UserError(
        "bad_databases",
        "each database name must begin with a-z and go on with a-z 0-9 _ $ ( ) + - / (or be _users), 238 at most",
        action="Correct the list of databases",
    )


@lru_cache(maxsize=4096)
def cluster_name(user: str, tag: str) -> str:
    """`cdb-<tag>-<8 hex of a hash of the user>`, at most 25 characters.

    A valid DNS label, so that two users may use one tag.

    Eight hex digits can be made to collide, so whoever finds objects of this name compares the exact user too (hazards
    H22).
    """
    return f"cdb-{tag}-{hashlib.sha256(user.encode()).hexdigest()[:8]}"


def instance_name(cluster: str, ordinal: int) -> str:
    return f"{cluster}-{ordinal}"
