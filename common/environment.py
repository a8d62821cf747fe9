"""From the environment to settings: what makes no sense there, and what is no setting at all, in sentences."""

import os
from collections.abc import Iterable
from difflib import get_close_matches
from typing import TypeVar

from pydantic import ValidationError

from common.log import get
from common.settings import OF_OTHERS, PREFIX, Settings

AnySettings = TypeVar("AnySettings", bound=Settings)


class WrongSettings(Exception):
    """A setting that makes no sense. The message names its variable, and not its value: it may hold a password."""


def load(kind: type[AnySettings]) -> AnySettings:
    """The settings of this process. WrongSettings when one of them makes no sense."""
    try:
        return kind()
    except ValidationError as error:
        told = (f"{variable(str(e['loc'][0]))}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors())
        raise WrongSettings("; ".join(told)) from None


def variable(field: str) -> str:
    """The environment variable of a setting; errors name some of them by it already."""
    alias = Settings.model_fields[field].validation_alias if field in Settings.model_fields else None
    name = field if alias is None else str(getattr(alias, "choices", [field])[0])
    return name if name.isupper() else f"{PREFIX}{name.upper()}"


def strangers(names: Iterable[str]) -> dict[str, str]:
    """Those of these variables that look like settings and are none, each with the one it may be meant for, or ""."""
    known = {variable(field) for field in Settings.model_fields}
    by_word = {name.removeprefix(PREFIX): name for name in sorted(known)}
    unknown = sorted(name for name in names if name.startswith(PREFIX) and name not in known | OF_OTHERS)
    nearest = {name: get_close_matches(name.removeprefix(PREFIX), by_word, n=1) for name in unknown}
    return {name: by_word[words[0]] if words else "" for name, words in nearest.items()}


def tell_strangers() -> None:
    """A warning in the log for each: it changes nothing, and whoever set it thinks that it does."""
    for name, meant in strangers(os.environ).items():
        get("settings").warning("unknown_setting", name=name, meant=meant or None)
