"""The Idempotency-Key header: whoever repeats a request is told of the first one, and gets its answer."""

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import replace

from api.call import Call
from api.envelope import Answer
from api.follow import ResultOf, follow
from api.prefer import Preference
from api.submit import Accepted
from common.errors import UserError
from common.names import PRINTABLE
from common.store.admission import Once
from common.store.port import Remembered

HEADER = "idempotency-key"

SECRETS = frozenset({"token", "couchdb_password"})
"""Fields of which no trace may be kept, not even a hash (hazards H27): two requests may differ in them."""

KEY = PRINTABLE + "{1,128}"


def once_of(call: Call) -> Once | None:
    """The key of this request with its mark under a salt of its own; UserError `bad_idempotency_key`."""
    given = call.request.headers.getlist(HEADER)
    if not given:
        return None
    key = given[0].strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]  # a string of RFC 8941, as the IETF's draft of this header has it
    if len(given) > 1 or not re.fullmatch(KEY, key):
        raise UserError(
            "bad_idempotency_key",
            "Idempotency-Key must be given once: 1 to 128 printable ASCII characters without space, quote, backslash",
            action="A UUID will do",
        )
    salt = call.service.random_id()
    return Once(key, salt, mark(call, salt))


def mark(call: Call, salt: str) -> str:
    """A keyed hash of the path and the fields without secrets, whatever their order."""
    return mark_of(call.request.url.path, call.form, salt=salt)


def mark_of(path: str, form: Mapping[str, str], *, salt: str) -> str:
    fields = sorted((name, value) for name, value in form.items() if name not in SECRETS)
    return hmac.digest(salt.encode(), json.dumps([path, fields]).encode(), "sha256").hex()


async def replay(call: Call, remembered: Remembered, wish: Preference, *, result_of: ResultOf) -> Answer:
    """The answer of the first request, waited for if its job goes on. The caller is proved.

    UserError `idempotency_key_reused` for another request, `idempotency_key_spent` when its job is not kept any more.
    """
    if not hmac.compare_digest(mark(call, remembered.once.salt), remembered.once.mark):
        raise UserError(
            "idempotency_key_reused",
            "this Idempotency-Key came with another request before: another path, or other fields",
            action="Choose a new key for a new request",
        )
    if remembered.job is None:
        raise UserError(
            "idempotency_key_spent",
            "the request of this Idempotency-Key was carried out, and its job is not kept any more",
            action="detail shows what became of the cluster; choose a new key for a new request",
        )
    answer = await follow(call, Accepted(remembered.job, remembered.spec), wish, result_of=result_of)
    return replace(answer, headers={**answer.headers, "Idempotency-Replayed": "true"})
