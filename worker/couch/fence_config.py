"""Which settings make a fence, and what a configuration says of one. Pure.

A fence (design, 7; measured on CouchDB 3.5.0): no admin but kanto's, no anonymous reader, no login by other means than
cookie and password, no users' database, no lockout, and a restart after all of these. What was there before is kept in
two sections of kanto's own, so that any worker can undo a fence, whole or half-made.
"""

import hashlib
import hmac
from collections.abc import Mapping

from worker.core.observed import Fence
from worker.ports import Credentials

Config = Mapping[str, Mapping[str, str]]

KANTO = "kanto"
MARKER = "before_restart"
"""In memory only: that it is gone tells that the server restarted since (hazards H8)."""
CHECKED = "checked"
"""Written once marker and values were seen together: a restart after that is a restart with all values in place."""
FENCED = "fenced"

KEPT_ADMINS = "kanto_admins"
KEPT_VALUES = "kanto_values"
WAS = "was "
WAS_NOT_SET = "not set"

HANDLERS = "{chttpd_auth, cookie_authentication_handler}, {chttpd_auth, default_authentication_handler}"


def fence_values(nonce: str) -> dict[tuple[str, str], str]:
    """The settings of a fence by section and key. The users' database is one that cannot be there."""
    return {
        ("chttpd", "require_valid_user_except_for_up"): "true",
        ("chttpd", "authentication_handlers"): HANDLERS,
        ("chttpd_auth", "authentication_db"): f"kanto_fence_{_salt(nonce)}",
        ("chttpd_auth_lockout", "mode"): "off",
    }


def is_fence_value(section: str, key: str, value: str | None) -> bool:
    """Whether this is what a fence of any nonce would have there."""
    if (section, key) == ("chttpd_auth", "authentication_db"):
        return value is not None and value.startswith("kanto_fence_")
    return value == fence_values("")[section, key]


def dead_line(name: str, nonce: str, credentials: Credentials) -> str:
    """An admin line that no password fits and that only kanto can make, so that it is known as kanto's later."""
    return _line(name, _salt(nonce), credentials)


def is_dead(name: str, line: str, credentials: Credentials) -> bool:
    """Whether kanto made this line, for a fence of any nonce."""
    parts = line.split(",")
    return len(parts) == 3 and hmac.compare_digest(line.encode(), _line(name, parts[1], credentials).encode())


def _line(name: str, salt: str, credentials: Credentials) -> str:
    key = hmac.new(credentials.password.encode(), f"kanto fence {name} {salt}".encode(), hashlib.sha1).hexdigest()
    return f"-pbkdf2-{key},{salt},10"


def _salt(nonce: str) -> str:
    """A new one for each fence: CouchDB remembers logins by name and salt."""
    return hashlib.sha256(nonce.encode()).hexdigest()[:32]


def value(config: Config, section: str, key: str) -> str | None:
    return config.get(section, {}).get(key)


def other_admins(config: Config, credentials: Credentials) -> dict[str, str]:
    """The admin lines but kanto's own."""
    return {name: line for name, line in config.get("admins", {}).items() if name != credentials.name}


def has_all_values(config: Config, nonce: str, credentials: Credentials) -> bool:
    """Whether every setting of the fence is there and no admin line but those that kanto wrote."""
    return all(value(config, *place) == wanted for place, wanted in fence_values(nonce).items()) and all(
        is_dead(name, line, credentials) for name, line in other_admins(config, credentials).items()
    )


def read_fence(config: Config, credentials: Credentials) -> Fence | None:
    """The fence that stands, or half of one; None where there is no trace of any."""
    nonce = value(config, KANTO, FENCED)
    if nonce is not None and has_all_values(config, nonce, credentials):
        return Fence(nonce)
    return Fence(None) if has_trace(config, credentials) else None


def has_trace(config: Config, credentials: Credentials) -> bool:
    ours = config.get(KANTO, {})
    return (
        any(key in ours for key in (MARKER, CHECKED, FENCED))
        or bool(config.get(KEPT_ADMINS) or config.get(KEPT_VALUES))
        or any(is_dead(name, line, credentials) for name, line in other_admins(config, credentials).items())
    )
