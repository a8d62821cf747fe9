"""The caller of a GET: HTTP Basic, username and token (RFC 7617)."""

import binascii
from base64 import b64decode

from api.fields import Caller
from common.errors import UserError
from common.names import check_token, check_username


def basic_caller(authorization: str | None) -> Caller:
    """UserError `unauthorized` without a header that can be read; a name or token outside the rules is their error."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        raise _missing()
    try:
        user, colon, token = b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        raise _missing() from None  # the cause would carry the token
    if not colon:
        raise _missing()
    return Caller(check_username(user), check_token(token))


def _missing() -> UserError:
    return UserError("unauthorized", "this needs HTTP Basic with username and token", action="curl -u username:token")
