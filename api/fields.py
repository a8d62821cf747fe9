"""What a form means: each field by its rule, or a UserError that names the rule. Values are not repeated."""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from random import Random

from common.cluster import MAX_REPLICAS, MIN_REPLICAS
from common.errors import UserError
from common.names import (
    TAG_ALPHABET,
    TAG_MAX,
    TAG_MIN,
    check_database,
    check_token,
    check_username,
    cut_tag,
)

MAX_DATABASES = 1000
"""Names in one request, and in one saved list."""

_INTEGER = re.compile(r"(-?)0*([0-9]+)")
_PLUS = "; in a form, + is sent as %2B"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who says to be asking. Nothing is proved yet."""

    user: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DatabaseLogin:
    """What a form says of the login of a cluster's databases; None for what it does not say."""

    user: str | None
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Databases:
    """Names for a saved list, sorted, each once; `everything` for `*`."""

    names: tuple[str, ...]
    everything: bool = False


def caller(form: Mapping[str, str], *, query: Container[str] = ()) -> Caller:
    """The caller by the body alone: a query string ends in logs, so what is there does not count."""
    user = _needed(form, "username", query)
    token = _needed(form, "token", query)
    try:
        return Caller(check_username(user), check_token(token))
    except UserError as error:
        spaced = user if error.code == "bad_username" else token
        raise _hinted(error, spaced) from None


def database_login(form: Mapping[str, str]) -> DatabaseLogin:
    """`couchdb_user` and `couchdb_password`, by the rules of username and token; both may be left out."""
    user, password = form.get("couchdb_user"), form.get("couchdb_password")
    try:
        if user is not None:
            check_username(user, field="couchdb_user")
        if password is not None:
            check_token(password, field="couchdb_password")
    except UserError as error:
        spaced = user if error.code == "bad_couchdb_user" else password
        raise _hinted(error, spaced or "") from None
    return DatabaseLogin(user, password)


def new_password(form: Mapping[str, str]) -> DatabaseLogin:
    """As `database_login`, of a form that has to say a password."""
    login = database_login(form)
    if login.password is None:
        raise UserError(
            "missing_couchdb_password",
            "couchdb_password is missing",
            action="Send the new password; your token is one, and makes the login follow your token again",
        )
    return login


def _needed(form: Mapping[str, str], name: str, query: Container[str]) -> str:
    value = form.get(name)
    if value is not None:
        return value
    if name in query:
        raise UserError(
            f"missing_{name}",
            f"{name} is missing in the body; the query string does not count, since it ends in logs",
            action=f"Send {name} in the form, as `curl -d` does, and choose another token if this one was real",
        )
    raise UserError(f"missing_{name}", f"{name} is missing", action=f"Send {name} in the form")


def _hinted(error: UserError, value: str) -> UserError:
    return UserError(error.code, error.message + _PLUS, action=error.action) if " " in value else error


def new_tag(form: Mapping[str, str], chance: Random) -> str:
    """The tag of a cluster to be made: a random one of 12 for a missing one or one under 4 characters."""
    given = form.get("cluster_tag", "")
    if len(given) < TAG_MIN:
        return "".join(chance.choices(TAG_ALPHABET, k=TAG_MAX))
    return _tag(given)


def tag(form: Mapping[str, str]) -> str:
    """The tag of a cluster that should exist, cut as create cuts it."""
    given = form.get("cluster_tag")
    if given is None:
        raise UserError("missing_cluster_tag", "cluster_tag is missing", action="Say which cluster; list shows yours")
    return _tag(given)


def _tag(given: str) -> str:
    if "\0" in given:
        raise UserError("bad_cluster_tag", "cluster_tag has a NUL in it", action="Choose another cluster_tag")
    return cut_tag(given)


def replicas(form: Mapping[str, str]) -> int:
    """How many instances: an integer, and the nearest of 1 to 10. What is no integer is an error, never a guess."""
    given = form.get("replicas")
    action = f"Send replicas={MIN_REPLICAS} to {MAX_REPLICAS}"
    if given is None:
        raise UserError("missing_replicas", "replicas is missing", action=action)
    match = _INTEGER.fullmatch(given)
    if match is None:
        raise UserError("bad_replicas", "replicas is not an integer", action=action)
    sign, digits = match.groups()
    size = int(digits[:4]) if len(digits) <= 4 else MAX_REPLICAS
    return min(max(-size if sign else size, MIN_REPLICAS), MAX_REPLICAS)


def databases(form: Mapping[str, str]) -> Databases:
    """`a,b,c`: names for the saved list; `*` among them stands for all databases, later ones too."""
    given = form.get("databases", "")
    names = {part.strip() for part in given.split(",")} - {""}
    if not names:
        raise UserError("missing_databases", "databases is missing", action="Send databases=a,b,c, or databases=*")
    if len(names) > MAX_DATABASES:
        raise too_many_databases(len(names))
    everything = "*" in names
    try:
        checked = tuple(sorted(check_database(name) for name in names - {"*"}))
    except UserError as error:
        raise _hinted(error, given) from None
    return Databases(checked, everything)


def too_many_databases(count: int) -> UserError:
    return UserError(
        "bad_databases",
        f"{count} databases are more than the {MAX_DATABASES} that a saved list holds",
        action="Send fewer, or databases=*",
    )


def option(form: Mapping[str, str], name: str) -> bool:
    """A switch of the form: 1 or 0, and 0 when it is missing."""
    given = form.get(name, "0")
    if given not in ("0", "1"):
        raise UserError("bad_option", f"{name} is neither 0 nor 1", action=f"Send {name}=1 or leave it out")
    return given == "1"


def job_id(form: Mapping[str, str]) -> str:
    given = form.get("job_id")
    if given is None:
        raise UserError("missing_job_id", "job_id is missing", action="Send the id that the answer with the job named")
    return given
