"""How long a caller wants to wait: the `Prefer` header (RFC 7240) and the `async` field."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST_WAIT = 3600.0
"""Seconds; a longer `wait` is taken as this."""

_PREFERENCE = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*\"?([^\";]*?)\"?\s*)?(?:;.*)?")


@dataclass(frozen=True, slots=True)
class Preference:
    """`wait` seconds for the end of a job. `is_async`: a job that goes on is an answer, not a disappointment."""

    wait: float
    is_async: bool = False


def preference(headers: Iterable[str], *, is_async: bool, default_wait: float) -> Preference:
    """Read all `Prefer` headers; of a preference given twice the first counts, and what makes no sense is ignored.

    `respond-async` answers at once; together with `wait=N` it answers after N seconds (RFC 7240, 4.3).
    """
    said: dict[str, str] = {}
    for header in headers:
        for part in header.split(","):
            match = _PREFERENCE.fullmatch(part)
            if match is not None:
                said.setdefault(match[1].lower(), match[2] or "")
    asynchronous = is_async or "respond-async" in said
    wait = said.get("wait", "")
    if re.fullmatch("[0-9]{1,9}", wait):
        return Preference(min(float(wait), LONGEST_WAIT), asynchronous)
    return Preference(0.0 if asynchronous else default_wait, asynchronous)
