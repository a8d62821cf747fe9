"""What kanto makes of an answer that is not a success: one reaction per HTTP status. Pure.

Statuses and reasons: Kubernetes API conventions, "Response Status Kind".
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.errors import KantoError, PermanentError, TemporaryError

RETRIED = frozenset({429, 500, 502, 503, 504})
"""The server says itself that it could not do it now; every call of kanto's may be repeated."""

_VERB = re.compile(r"cannot (\w+) resource")


class Conflict(TemporaryError):
    """Somebody else wrote the object meanwhile, or it exists already, or a precondition (uid, version) did not hold.

    `reason` is the server's: `AlreadyExists` or `Conflict`.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__("kubernetes_conflict", message, action="It is looked at again", retry_in=0.2)
        self.reason = reason


class Missing(TemporaryError):
    """The object is not there (any more)."""

    def __init__(self, message: str) -> None:
        super().__init__("kubernetes_missing", message, action="It is looked at again", retry_in=0.5)


class Expired(TemporaryError):
    """The version from which a watch was to go on is too old (410): list anew."""

    def __init__(self, message: str) -> None:
        super().__init__("kubernetes_expired", message)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was tried: `verb` and `resource` as a Role names them."""

    verb: str
    resource: str
    name: str
    namespace: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{f'/{self.name}' if self.name else ''} in namespace {self.namespace}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer: `reason` and `message` of the server's Status object, where the body is one."""

    status: int
    reason: str
    message: str
    retry_after: float | None


def read_refusal(status: int, body: bytes, headers: Mapping[str, str]) -> Refusal:
    try:
        told: Any = json.loads(body)
    except ValueError:
        told = None
    told = told if isinstance(told, dict) else {}
    text = str(told.get("message") or body[:200].decode("utf-8", "replace"))
    return Refusal(status, str(told.get("reason") or ""), text.strip(), _retry_after(headers))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; the API server never sends a date (RFC 9110, 10.2.3 allows one)."""
    value = next((text for name, text in headers.items() if name.lower() == "retry-after"), "")
    return float(value) if value.strip().isdecimal() else None


def error_of(asked: Asked, refusal: Refusal) -> KantoError:
    """The error that this answer is for kanto."""
    said = f"Kubernetes refused to {asked}: {refusal.message or refusal.reason or refusal.status}"
    match refusal.status:
        case 401:
            action = "Check the token of kanto's service account, or the kubeconfig"
            found: KantoError = TemporaryError("kubernetes_login", said, action=action, retry_in=5.0)
        case 403:
            found = _forbidden(asked, refusal)
        case 404:
            found = _missing(asked, refusal, said)
        case 409:
            found = Conflict(said, refusal.reason)
        case 410:
            found = Expired(said)
        case status if status in RETRIED:
            found = TemporaryError("kubernetes_busy", said, retry_in=max(refusal.retry_after or 1.0, 1.0))
        case _:
            found = PermanentError("kubernetes_refused", said)
    return found


def _missing(asked: Asked, refusal: Refusal, said: str) -> KantoError:
    """The object, or the namespace in which it was to be."""
    if asked.name and f'namespaces "{asked.namespace}"' not in refusal.message:
        return Missing(said)
    return PermanentError(
        "no_namespace",
        f"{said} (does namespace {asked.namespace} exist?)",
        action="Create the namespace, or set KANTO_NAMESPACE",
    )


def _forbidden(asked: Asked, refusal: Refusal) -> KantoError:
    """A right that kanto lacks, a quota that is used up, or an admission rule: three things to do about it.

    A right may come yet, and an API server that has just started says the same of every right until it has read its
    roles (seen on 1.34): so a job waits, saying which right it is, and fails at its deadline.
    """
    if _VERB.search(refusal.message):
        return TemporaryError(
            "forbidden",
            f"kanto may not {asked}: {refusal.message}",
            action="Give its service account the Role that the chart makes (helm/kanto/files/rules.yaml)",
            retry_in=2.0,
        )
    if "exceeded quota" in refusal.message:
        return TemporaryError(
            "quota_exceeded",
            f"no quota is left to {asked}: {refusal.message}",
            action="Raise the quota or delete something",
            retry_in=5.0,
        )
    return PermanentError("forbidden", f"kanto may not {asked}: {refusal.message}")
